/** What users of an app get without an annotation, and the wrong uses that the compiler refuses at their place. */
import { type App, millrace, type Published, topic } from 'millrace'
import { type SubscriberHandle, subscriber } from 'millrace/pubsub'
import { type WorkerHandle, worker } from 'millrace/queue'
import * as z from 'zod'
import { typeOf } from '../core/type-expectations.test-support.ts'
import { orderEvents, paid, tasks } from '../topics/order-events.test-support.ts'

const app = millrace('types')
typeOf(app).is<App>()
const keyless = topic('keyless', { schema: z.object({ type: z.literal('X'), n: z.number() }) })
const untyped = topic('untyped', { schema: z.object({ id: z.string() }) })

// Plain, readonly, many, in a stream.
typeOf(app.publish(orderEvents, paid('1'))).is<Promise<Published>>()
const frozen = [{ productId: 'a', quantity: 1, price: 1 }] as const
app.publish(orderEvents, { type: 'ORDER_CREATED', orderId: '1', userId: 'u', items: frozen, totalAmount: 1 })
app.publish(keyless, { type: 'X', n: 1 }, { id: 'x', headers: { source: 'web' } })
app.publishAll(orderEvents, [{ type: 'ORDER_PAID', orderId: '1', paymentId: 'p' }])
app.publishAll(
  orderEvents,
  (async function* () {
    yield paid('1')
  })(),
)
app.send(tasks, { task: 'b', y: 1 })
app.tombstone(orderEvents, '1')
const sum = app.transaction(({ publish, send, tombstone }) => {
  publish(orderEvents, paid('1'))
  send(tasks, { task: 'a', x: '1' }, { delay: '250ms' })
  tombstone(orderEvents, '1')
  return 1
})
typeOf(sum).is<Promise<number>>()

const first = subscriber('first', { from: orderEvents, on: () => {} })
const second = worker('second', { from: tasks, on: { a: () => {}, b: () => {} } })
const [firstHandle, secondHandle] = app.add(first, second)
typeOf(firstHandle).is<SubscriberHandle>()
typeOf(secondHandle).is<WorkerHandle>()
app.use(async ({ log, topic: name }, next) => {
  log.info(name)
  await next()
})

// @ts-expect-error: a property is missing
app.publish(orderEvents, { type: 'ORDER_PAID', orderId: '1' })
// @ts-expect-error: misspelt type
app.publish(orderEvents, { type: 'ORDER_PAYED', orderId: '1', paymentId: 'p' })
// @ts-expect-error: a property too many
app.publish(orderEvents, { type: 'ORDER_PAID', orderId: '1', paymentId: 'p', note: 'x' })
// @ts-expect-error: a queue is sent to, not published to
app.publish(tasks, { task: 'a', x: '1' })
// @ts-expect-error: a topic is published to, not sent to
app.send(untyped, { id: '1' })
// @ts-expect-error: not a duration
app.send(tasks, { task: 'a', x: '1' }, { delay: '10 minutes' })
// @ts-expect-error: no tombstone without a key
app.tombstone(keyless, '1')
// @ts-expect-error: a topic is no component
app.add(orderEvents)
// @ts-expect-error: a header's value is text
app.publish(untyped, { id: '1' }, { headers: { retries: 1 } })
