/** The events and tasks that tests of several rooms use. */
import * as z from 'zod'
import { queue, topic } from './topic.ts'

/** What happens to an order. */
export const OrderEvent = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('ORDER_CREATED'),
    orderId: z.string(),
    userId: z.string(),
    items: z.array(z.object({ productId: z.string(), quantity: z.int().positive(), price: z.number() })),
    totalAmount: z.number(),
  }),
  z.object({ type: z.literal('ORDER_PAID'), orderId: z.string(), paymentId: z.string() }),
  z.object({ type: z.literal('ORDER_SHIPPED'), orderId: z.string(), trackingNo: z.string() }),
  z.object({ type: z.literal('ORDER_CANCELLED'), orderId: z.string(), reason: z.string() }),
])
/** As `OrderEvent` infers them. */
export type Created = {
  type: 'ORDER_CREATED'
  orderId: string
  userId: string
  items: { productId: string; quantity: number; price: number }[]
  totalAmount: number
}
export type Paid = { type: 'ORDER_PAID'; orderId: string; paymentId: string }
export type Shipped = { type: 'ORDER_SHIPPED'; orderId: string; trackingNo: string }
export type Cancelled = { type: 'ORDER_CANCELLED'; orderId: string; reason: string }
/** All of them. */
export type OrderEvents = Created | Paid | Shipped | Cancelled

export const orderEvents = topic('order-events', { schema: OrderEvent, key: (event) => event.orderId })

/** Two types of tasks, told apart by `task`. */
export const tasks = queue('tasks', {
  schema: z.discriminatedUnion('task', [
    z.object({ task: z.literal('a'), x: z.string() }),
    z.object({ task: z.literal('b'), y: z.number() }),
  ]),
  discriminator: 'task',
})

export const created = (orderId: string): Created => ({
  type: 'ORDER_CREATED',
  orderId,
  userId: 'user-1',
  items: [],
  totalAmount: 0,
})
export const paid = (orderId: string, paymentId = `payment-${orderId}`): Paid => ({
  type: 'ORDER_PAID',
  orderId,
  paymentId,
})
