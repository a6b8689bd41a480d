import { describe, expect, it } from 'vitest'
import { faultPathsOf } from '../core/option-faults.test-support.ts'
import { orderEvents } from '../topics/order-events.test-support.ts'
import { batchSubscriber } from './batch-subscriber.ts'

/** Options as somebody without a compiler may give them. */
const faultsOf = (group: unknown, options: unknown) =>
  faultPathsOf(() => batchSubscriber(group as string, options as Parameters<typeof batchSubscriber>[1]))
const good = { from: orderEvents, batch: { size: 10 }, on: () => {} }

describe('a batch subscriber', () => {
  it.each([
    ['nothing', undefined, ['from', 'on', 'batch', 'batch.size']],
    ['handlers by type', { ...good, on: { ORDER_PAID: () => {} } }, ['on']],
    ['no size', { ...good, batch: {} }, ['batch.size']],
    ['a size of 0', { ...good, batch: { size: 0 } }, ['batch.size']],
    ['a size above what a partition has in memory', { ...good, batch: { size: 1_001 } }, ['batch.size']],
    ['a wait that is no duration', { ...good, batch: { size: 1, wait: 'soon' } }, ['batch.wait']],
    ['a misspelt option', { ...good, bach: 1, batch: { size: 1, waits: 1 } }, ['bach', 'batch.waits']],
    ['what no subscriber takes', { ...good, concurrency: 0, pauseOn: true }, ['concurrency', 'pauseOn']],
  ])('refuses %s', (_, options, faults) => {
    expect(faultsOf('g', options)).toEqual(faults)
  })

  it('says what it reads', () => {
    expect(batchSubscriber('index', good).describe()).toBe("batch-subscriber 'index' of order-events")
  })
})
