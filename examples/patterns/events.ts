import { topic } from 'millrace'
import * as z from 'zod'

const Item = z.object({ productId: z.string(), quantity: z.int().positive(), price: z.number().nonnegative() })

export const OrderEvent = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('ORDER_CREATED'),
    orderId: z.string(),
    userId: z.string(),
    items: z.array(Item),
    totalAmount: z.number(),
  }),
  z.object({ type: z.literal('ORDER_PAID'), orderId: z.string(), paymentId: z.string() }),
  z.object({ type: z.literal('ORDER_SHIPPED'), orderId: z.string(), trackingNo: z.string() }),
  z.object({ type: z.literal('ORDER_CANCELLED'), orderId: z.string(), reason: z.string() }),
])
export const OrderCommand = z.discriminatedUnion('type', [
  z.object({ type: z.literal('create'), userId: z.string(), items: z.array(Item).min(1), totalAmount: z.number() }),
  z.object({ type: z.literal('pay'), paymentId: z.string() }),
])
export const orderEvents = topic('order-events', { schema: OrderEvent, key: (event) => event.orderId, partitions: 6 })

const PaymentEvent = z.discriminatedUnion('type', [
  z.object({ type: z.literal('PAYMENT_TAKEN'), orderId: z.string(), paymentId: z.string() }),
  z.object({ type: z.literal('PAYMENT_DECLINED'), orderId: z.string(), reason: z.string() }),
])
export const paymentEvents = topic('payment-events', {
  schema: PaymentEvent,
  key: (event) => event.orderId,
  partitions: 6,
})
