import { describe, expect, it } from 'vitest'
import { faultPathsOf } from '../core/option-faults.test-support.ts'
import { orderEvents, tasks } from '../topics/order-events.test-support.ts'
import { worker } from './worker.ts'

/** Options as somebody without a compiler may give them. */
const faultsOf = (group: unknown, options: unknown) =>
  faultPathsOf(() => worker(group as string, options as Parameters<typeof worker>[1]))
const handle = () => {}

describe('a worker', () => {
  it('reports all the faults of its options at once, also those of each type', () => {
    const wrong = {
      from: orderEvents,
      database: 'shop',
      concurrency: -1,
      retry: { attempts: 1.5 },
      timeout: 'x',
      on: {
        a: { handle: 1, concurrency: 0, timeout: 0, retry: { delay: '2s', maxDelay: '1s' } },
        b: null,
      },
    }
    expect(faultsOf('', wrong)).toEqual([
      'group',
      'from',
      'database',
      'concurrency',
      'retry.attempts',
      'timeout',
      'on.a',
      'on.a.concurrency',
      'on.a.retry.maxDelay',
      'on.a.timeout',
      'on.b',
    ])
  })

  it('refuses misspelt options, which would change nothing: its own and those of a type', () => {
    const own = { handle, limits: 3, retry: { tries: 1 } }
    expect(faultsOf('g', { from: tasks, retries: 3, on: { a: own, b: handle } })).toEqual([
      'retries',
      'on.a.limits',
      'on.a.retry.tries',
    ])
  })

  it.each([
    ['no handlers', {}],
    ['a function for all types', handle],
    ['nothing', undefined],
  ])('refuses %s', (_, on) => {
    expect(faultsOf('g', { from: tasks, on })).toEqual(['on'])
  })

  it('says what it reads', () => {
    expect(worker('w', { from: tasks, on: { a: handle, b: handle } }).describe()).toBe("worker 'w' of tasks")
  })
})
