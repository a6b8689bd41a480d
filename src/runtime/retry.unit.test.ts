import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { FaultList, type InvalidOptionsError } from '../core/faults.ts'
import type { RetryOptions } from './context.ts'
import { backoffMs, readRetry } from './retry.ts'

function faultsOf(options: RetryOptions): readonly string[] {
  const faults = new FaultList()
  readRetry(options, faults)
  try {
    faults.throwIfAny('test')
    return []
  } catch (error) {
    return (error as InvalidOptionsError).faults.map(({ path }) => path)
  }
}

describe('retry options', () => {
  it('are five attempts from one second to one minute by default', () => {
    const faults = new FaultList()
    expect(readRetry(undefined, faults)).toEqual({ attempts: 5, delayMs: 1_000, maxDelayMs: 60_000 })
    expect(readRetry({ attempts: 1 }, faults)).toEqual({ attempts: 1, delayMs: 1_000, maxDelayMs: 60_000 })
  })

  it('raise the longest delay to a longer first one', () => {
    expect(readRetry({ delay: '5m' }, new FaultList())).toMatchObject({ delayMs: 300_000, maxDelayMs: 300_000 })
  })

  it('fill in what a type leaves out from those of its worker', () => {
    const base = { attempts: 2, delayMs: 10, maxDelayMs: 20 }
    expect(readRetry({ attempts: 3 }, new FaultList(), { base })).toEqual({ attempts: 3, delayMs: 10, maxDelayMs: 20 })
  })

  it('are reported with all their faults, each once', () => {
    expect(faultsOf({ attempts: 0, delay: -1, maxDelay: Number.NaN })).toEqual([
      'retry.attempts',
      'retry.delay',
      'retry.maxDelay',
    ])
    expect(faultsOf({ attempts: 1.5 })).toEqual(['retry.attempts'])
    expect(faultsOf({ delay: '2s', maxDelay: '1s' })).toEqual(['retry.maxDelay'])
  })
})

describe('backoff', () => {
  const policies = fc.record({
    attempts: fc.constant(5),
    delayMs: fc.nat(10_000),
    maxDelayMs: fc.integer({ min: 10_000 }),
  })

  it('is between half and all of the doubled delay, never above the longest', () => {
    fc.assert(
      fc.property(
        policies,
        fc.integer({ min: 1, max: 5_000 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (policy, attempt, random) => {
          const fullMs = Math.min(policy.maxDelayMs, policy.delayMs * 2 ** Math.min(attempt - 1, 60))
          const waitMs = backoffMs(policy, attempt, () => random)
          expect(waitMs).toBeGreaterThanOrEqual(Math.floor(fullMs / 2))
          expect(waitMs).toBeLessThanOrEqual(fullMs)
          expect(Number.isInteger(waitMs)).toBe(true)
        },
      ),
    )
  })

  it('doubles from the first delay', () => {
    const policy = { attempts: 9, delayMs: 1_000, maxDelayMs: 5_000 }
    expect([1, 2, 3, 4].map((attempt) => backoffMs(policy, attempt, () => 1))).toEqual([1_000, 2_000, 4_000, 5_000])
    expect([1, 2, 3, 4].map((attempt) => backoffMs(policy, attempt, () => 0))).toEqual([500, 1_000, 2_000, 2_500])
  })
})
