import { millrace, topic } from 'millrace'
import { subscriber } from 'millrace/pubsub'
import * as z from 'zod'

const Order = z.object({ type: z.literal('ORDER_CREATED'), orderId: z.string(), total: z.number().positive() })
const Payment = z.object({ type: z.literal('PAYMENT_TAKEN'), orderId: z.string(), paymentId: z.string() })
const orders = topic('orders', { schema: Order, key: (event) => event.orderId })
const payments = topic('payments', { schema: Payment, key: (event) => event.orderId })

const payment = subscriber('payment', {
  from: orders,
  on: {
    ORDER_CREATED: async ({ orderId, total }, { id, publish }) => {
      console.log(`taking ${total} for ${orderId}`) // your provider, with `id` as its idempotency key
      publish(payments, { type: 'PAYMENT_TAKEN', orderId, paymentId: id }) // commits with the acknowledgement, or not at all
    },
  },
})

await using app = millrace('first') // the log: .millrace/log.db
app.add(payment)
await app.start()
await app.publish(orders, { type: 'ORDER_CREATED', orderId: 'order-1', total: 249.97 })
await app.settled()
