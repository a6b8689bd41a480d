/** What users of subscribers get without an annotation, and the wrong uses that the compiler refuses at their place. */
import { millrace, topic } from 'millrace'
import { type SubscriberHandle, subscriber } from 'millrace/pubsub'
import { database, type Transaction } from 'millrace/sql'
import * as z from 'zod'
import { typeOf } from '../core/type-expectations.test-support.ts'
import { type Created, type OrderEvents, orderEvents, type Paid, tasks } from '../topics/order-events.test-support.ts'

// By type, for all, several sources, another discriminator.
const userEvents = topic('user-events', {
  schema: z.discriminatedUnion('eventType', [
    z.object({ eventType: z.literal('USER_REGISTERED'), userId: z.string() }),
    z.object({ eventType: z.literal('USER_LEFT'), userId: z.string() }),
  ]),
  discriminator: 'eventType',
  key: (event) => event.userId,
})
subscriber('by-type', {
  from: orderEvents,
  on: {
    ORDER_CREATED: (event) => typeOf(event).is<Created>(),
    ORDER_PAID: async (event) => typeOf(event).is<Paid>(),
  },
})
subscriber('all', {
  from: orderEvents,
  on: (event, { attempt, headers, get, newId }) => {
    typeOf(event).is<OrderEvents>()
    typeOf(attempt).is<number>()
    typeOf(headers).is<ReadonlyMap<string, string>>()
    typeOf(newId).is<() => string>()
    typeOf(get(subscriber('other', { from: orderEvents, on: {} }))).is<SubscriberHandle>()
  },
  onTombstone: (key) => typeOf(key).is<string>(),
})
subscriber('two', {
  from: [orderEvents, userEvents],
  start: new Date(0),
  on: {
    ORDER_PAID: (event) => typeOf(event).is<Paid>(),
    USER_LEFT: (event) => typeOf(event).is<{ eventType: 'USER_LEFT'; userId: string }>(),
  },
})
// One member, two names.
const enumTopic = topic('enum', { schema: z.object({ type: z.enum(['UP', 'DOWN']), id: z.string() }) })
subscriber('enum', { from: enumTopic, on: { UP: (event) => typeOf(event.type).is<'UP'>() } })
// A topic without event types: one function.
const untyped = topic('untyped', { schema: z.object({ id: z.string() }) })
subscriber('untyped', { from: untyped, start: 'latest', on: (event) => typeOf(event).is<{ id: string }>() })

// A transaction.
interface Tables {
  payments: { order_id: string; amount: number }
}
const shop = database<Tables>('shop')
const withTransaction = subscriber('with-tx', {
  from: orderEvents,
  database: shop,
  on: {
    ORDER_CREATED: async (event, { tx }) => {
      typeOf(tx).is<Transaction<Tables>>()
      await tx.insertInto('payments').values({ order_id: event.orderId, amount: event.totalAmount }).execute()
    },
  },
})
typeOf(millrace('types').add(withTransaction)).is<SubscriberHandle>()

// @ts-expect-error: misspelt event type
subscriber('g', { from: orderEvents, on: { ORDER_CREATD: () => {} } })
// @ts-expect-error: no such property on this event
subscriber('g', { from: orderEvents, on: { ORDER_PAID: (event) => event.trackingNo } })
// @ts-expect-error: returned events are not published: call publish
subscriber('g', { from: orderEvents, on: { ORDER_CREATED: ({ orderId }) => ({ type: 'ORDER_PAID', orderId }) } })
// @ts-expect-error: no types, no map
subscriber('g', { from: untyped, on: { ORDER_PAID: () => {} } })
// @ts-expect-error: no transaction without a database
subscriber('g', { from: orderEvents, on: { ORDER_PAID: (_, { tx }) => void tx } })
// @ts-expect-error: only a task's time can be extended
subscriber('g', { from: orderEvents, on: { ORDER_PAID: (_, { extend }) => extend('1s') } })
// @ts-expect-error: a queue has workers, not subscribers
subscriber('g', { from: tasks, on: () => {} })
// @ts-expect-error: not a table of the database
subscriber('g', { from: orderEvents, database: shop, on: async (_, { tx }) => void tx.selectFrom('orders') })
// @ts-expect-error: not a duration
subscriber('g', { from: orderEvents, timeout: '10 minutes', on: () => {} })
