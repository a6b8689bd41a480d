/** What users of batch subscribers get without an annotation, and the wrong uses that the compiler refuses at their place. */
import { millrace, topic } from 'millrace'
import { type BatchItem, batchSubscriber, type SubscriberHandle } from 'millrace/pubsub'
import { database, type Transaction } from 'millrace/sql'
import * as z from 'zod'
import { typeOf } from '../core/type-expectations.test-support.ts'
import { type OrderEvents, orderEvents, tasks } from '../topics/order-events.test-support.ts'

const batch = { size: 100, wait: '1s' } as const
const component = batchSubscriber('all', {
  from: orderEvents,
  batch,
  on: (items, { publish, send, get, signal, log, now }) => {
    typeOf(items).is<readonly BatchItem<OrderEvents>[]>()
    for (const { event, id, key, headers, timestamp, topic, partition, offset, fail } of items) {
      typeOf(event).is<OrderEvents>()
      typeOf(key).is<string | null>()
      typeOf(headers).is<ReadonlyMap<string, string>>()
      fail(new Error(`${id} ${timestamp.getTime()} ${topic} ${partition} ${offset}`))
    }
    typeOf(signal).is<AbortSignal>()
    typeOf(get(component)).is<SubscriberHandle>()
    typeOf(now()).is<Date>()
    publish(orderEvents, items[0]!.event)
    void send
    void log
  },
  onTombstone: (key, { attempt }) => {
    typeOf(key).is<string>()
    typeOf(attempt).is<number>()
  },
})
typeOf(millrace('types').add(component)).is<SubscriberHandle>()

// Several topics.
const untyped = topic('untyped', { schema: z.object({ id: z.string() }) })
batchSubscriber('two', {
  from: [orderEvents, untyped],
  batch,
  on: ([item]) => typeOf(item!.event).is<OrderEvents | { id: string }>(),
})

// A transaction.
interface Tables {
  payments: { order_id: string; amount: number }
}
const shop = database<Tables>('shop')
batchSubscriber('with-tx', {
  from: orderEvents,
  database: shop,
  batch,
  pauseOn: (error) => error.name === 'Down',
  on: async (items, { tx }) => {
    typeOf(tx).is<Transaction<Tables>>()
    await tx
      .insertInto('payments')
      .values(items.map(({ event }) => ({ order_id: event.orderId, amount: 1 })))
      .execute()
  },
})

// @ts-expect-error: a batch has a size
batchSubscriber('g', { from: orderEvents, batch: {}, on: () => {} })
// @ts-expect-error: it is a batch subscriber
batchSubscriber('g', { from: orderEvents, on: () => {} })
// @ts-expect-error: one function for all events
batchSubscriber('g', { from: orderEvents, batch, on: { ORDER_PAID: () => {} } })
// @ts-expect-error: no transaction without a database
batchSubscriber('g', { from: orderEvents, batch, on: (_, { tx }) => void tx })
// @ts-expect-error: a batch has no key, id or attempt of its own
batchSubscriber('g', { from: orderEvents, batch, on: (_, { key }) => void key })
// @ts-expect-error: a queue has workers, not subscribers
batchSubscriber('g', { from: tasks, batch, on: () => {} })
// @ts-expect-error: it fails with an error
batchSubscriber('g', { from: orderEvents, batch, on: ([item]) => item!.fail('broken') })
// @ts-expect-error: an answer is no promise
batchSubscriber('g', { from: orderEvents, batch, on: () => {}, pauseOn: async () => true })
