import { describe, expect, it } from 'vitest'
import { faultPathsOf } from '../core/option-faults.test-support.ts'
import { orderEvents, tasks } from '../topics/order-events.test-support.ts'
import { subscriber } from './subscriber.ts'

/** Options as somebody without a compiler may give them. */
const faultsOf = (group: unknown, options: unknown) =>
  faultPathsOf(() => subscriber(group as string, options as Parameters<typeof subscriber>[1]))
const good = { from: orderEvents, on: () => {} }

describe('a subscriber', () => {
  it('reports all the faults of its options at once', () => {
    const wrong = {
      from: tasks,
      on: { ORDER_PAID: 'x' },
      database: {},
      start: 'now',
      concurrency: 0,
      retry: { attempts: 0, delay: 'soon' },
      timeout: 0,
      onTombstone: 1,
    }
    expect(faultsOf('a b', wrong)).toEqual([
      'group',
      'from',
      'database',
      'start',
      'concurrency',
      'retry.attempts',
      'retry.delay',
      'timeout',
      'onTombstone',
      'on.ORDER_PAID',
    ])
  })

  it('reports what is missing', () => {
    expect(faultsOf(undefined, undefined)).toEqual(['group', 'from', 'on'])
    expect(faultsOf('g', { from: [], on: null })).toEqual(['from', 'on'])
  })

  it.each([
    ['a topic twice', { ...good, from: [orderEvents, orderEvents] }, ['from']],
    ['an invalid date', { ...good, start: new Date('x') }, ['start']],
    ['a timeout that is no duration, once', { ...good, timeout: '5 minutes' }, ['timeout']],
    ['a misspelt option', { ...good, retries: 3, retry: { attempt: 3 } }, ['retries', 'retry.attempt']],
    ['a broken concurrency', { ...good, concurrency: 1.5 }, ['concurrency']],
  ])('refuses %s', (_, options, faults) => {
    expect(faultsOf('g', options)).toEqual(faults)
  })

  it('leaves the groups of the outbox to the framework', () => {
    expect(faultsOf('outbox-mine', good)).toEqual(['group'])
  })

  it('says what it reads', () => {
    expect(subscriber('payment', good).describe()).toBe("subscriber 'payment' of order-events")
  })
})
