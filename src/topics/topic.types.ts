/** What users of topics get without an annotation, and the wrong uses that the compiler refuses at their place. */
import { type EventOf, type InputOf, type OutputOf, topic } from 'millrace'
import { queue } from 'millrace/queue'
import * as z from 'zod'
import type { Schema } from '../core/schema.ts'
import { same, typeOf } from '../core/type-expectations.test-support.ts'
import { OrderEvent, type OrderEvents, type orderEvents, type Paid, type tasks } from './order-events.test-support.ts'

same<OutputOf<typeof orderEvents>>().as<OrderEvents>()
same<EventOf<typeof orderEvents, 'ORDER_PAID'>>().as<Paid>()
topic('a', {
  schema: z.object({ userId: z.string() }),
  key: (value) => {
    typeOf(value).is<{ userId: string }>()
    return value.userId
  },
})
same<OutputOf<typeof tasks>>().as<{ task: 'a'; x: string } | { task: 'b'; y: number }>()
queue('keyed', { schema: z.object({ userId: z.string() }), key: ({ userId }) => userId })

// Input is not output: defaults and transforms.
const settings = topic('settings', {
  schema: z.object({
    type: z.literal('SET'),
    at: z.string().transform((value) => new Date(value)),
    retries: z.number().default(3),
  }),
})
same<InputOf<typeof settings>>().as<{
  readonly type: 'SET'
  readonly at: string
  readonly retries?: number | undefined
}>()
same<OutputOf<typeof settings>>().as<{ type: 'SET'; at: Date; retries: number }>()

// Any Standard Schema, not only zod: a validator of one's own with a transform.
declare const ownSchema: Schema<{ type: 'A'; at: string } | { type: 'B' }, { type: 'A'; at: Date } | { type: 'B' }>
const own = topic('own', { schema: ownSchema, key: (value) => value.type })
same<OutputOf<typeof own>>().as<{ type: 'A'; at: Date } | { type: 'B' }>()

// @ts-expect-error: no such property to tell the types apart
topic('t', { schema: OrderEvent, discriminator: 'kind' })
// @ts-expect-error: a property, but not of literals
topic('t', { schema: OrderEvent, discriminator: 'orderId' })
// @ts-expect-error: not in every member
topic('t', { schema: OrderEvent, key: (event) => event.userId })
// @ts-expect-error: a key is text
topic('t', { schema: z.object({ n: z.number() }), key: (value) => value.n })
// @ts-expect-error: a misspelt option
topic('t', { schema: OrderEvent, partition: 3 })

// Upcasts: an annotated parameter is the old shape, one without is unknown.
topic('upcast', {
  schema: z.object({ names: z.array(z.string()) }),
  version: 3,
  upcast: {
    1: (old: { name: string }) => ({ first: old.name }),
    2: (old) => {
      typeOf(old).is<unknown>()
      return { names: [] }
    },
  },
})
topic('kept', {
  schema: z.object({ id: z.string() }),
  key: ({ id }) => id,
  compaction: true,
})
topic('bounded', { schema: z.object({ id: z.string() }), retention: { time: '7d', bytes: 1e9 } })
topic('forever', { schema: z.object({ id: z.string() }), retention: { time: 'forever' } })
// @ts-expect-error: not a duration
topic('t', { schema: OrderEvent, retention: { time: 'a week' } })
topic('theirs', { schema: z.object({ id: z.string() }), external: true })
// @ts-expect-error: a version is a number
topic('t', { schema: OrderEvent, version: '2' })
// @ts-expect-error: steps are functions
topic('t', { schema: OrderEvent, version: 2, upcast: { 1: 'rename' } })
// @ts-expect-error: steps go by the version that they take
topic('t', { schema: OrderEvent, version: 2, upcast: { first: (value: unknown) => value } })
