import { toMilliseconds } from '../core/duration.ts'
import type { FaultList } from '../core/faults.ts'
import type { RetryOptions } from './context.ts'

/** `RetryOptions` with everything filled in. */
export interface RetryPolicy {
  readonly attempts: number
  readonly delayMs: number
  readonly maxDelayMs: number
}

const defaults: RetryPolicy = { attempts: 5, delayMs: 1_000, maxDelayMs: 60_000 }

const known: Record<keyof RetryOptions, true> = { attempts: true, delay: true, maxDelay: true }

/** Fills in the defaults (or those of `base`), notes every fault at `path`; with a fault the rest is `base`, which has none. */
export function readRetry(
  options: RetryOptions | undefined,
  faults: FaultList,
  { path = 'retry', base = defaults }: { readonly path?: string; readonly base?: RetryPolicy } = {},
): RetryPolicy {
  faults.expectOnly(options, known, `${path}.`)
  const { attempts = base.attempts, delay = base.delayMs, maxDelay } = options ?? {}
  const attemptsFit = Number.isInteger(attempts) && attempts >= 1
  faults.expect(attemptsFit, `${path}.attempts`, 'give a whole number of at least 1')
  const delayMs = faults.attempt(`${path}.delay`, () => toMilliseconds(delay))
  const leastMs = delayMs ?? 0
  const maxDelayMs =
    maxDelay === undefined
      ? Math.max(base.maxDelayMs, leastMs)
      : faults.attempt(`${path}.maxDelay`, () => toMilliseconds(maxDelay))
  const delaysFit = maxDelayMs === undefined || maxDelayMs >= leastMs
  faults.expect(delaysFit, `${path}.maxDelay`, 'is less than the delay')
  if (!attemptsFit || !delaysFit || delayMs === undefined || maxDelayMs === undefined) return base
  return { attempts, delayMs, maxDelayMs }
}

/**
 * How long to wait after attempt number `attempt` failed: the delay, doubled for each further attempt, at most
 * `maxDelayMs`; half of it is random, so that what failed together does not come back together.
 */
export function backoffMs(policy: RetryPolicy, attempt: number, random: () => number): number {
  const fullMs = Math.min(policy.maxDelayMs, policy.delayMs * 2 ** Math.min(attempt - 1, 52))
  return Math.round(fullMs / 2 + (fullMs / 2) * random())
}
