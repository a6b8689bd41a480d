import { millrace, topic } from 'millrace'
import { subscriber } from 'millrace/pubsub'
import * as z from 'zod'

export const orders = topic('orders', {
  schema: z.object({ type: z.literal('ORDER_CREATED'), orderId: z.string(), total: z.number() }),
  key: (event) => event.orderId,
})
export const payments = topic('payments', {
  schema: z.object({ type: z.literal('PAYMENT_TAKEN'), orderId: z.string() }),
  key: (event) => event.orderId,
})

/** A component is a value: a test gives it the provider that it wants. */
export const paymentService = (take: (total: number) => Promise<void>) =>
  subscriber('payment', {
    from: orders,
    on: {
      ORDER_CREATED: async ({ orderId, total }, { publish }) => {
        await take(total)
        publish(payments, { type: 'PAYMENT_TAKEN', orderId })
      },
    },
  })

if (import.meta.main) {
  const app = millrace('payments')
  app.add(paymentService(async (total) => console.log(`taking ${total}`)))
  await app.run()
}
