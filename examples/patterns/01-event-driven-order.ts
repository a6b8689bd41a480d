import { millrace } from 'millrace'
import { subscriber } from 'millrace/pubsub'
import { orderEvents, paymentEvents } from './events.ts'

const inventory = subscriber('inventory-service', {
  from: orderEvents,
  on: { ORDER_CREATED: ({ orderId, items }) => console.log(`[Inventory] ${orderId}: ${items.length} lines reserved`) },
})
const payment = subscriber('payment-service', {
  from: orderEvents,
  on: {
    ORDER_CREATED: ({ orderId, totalAmount }, { id, publish }) => {
      console.log(`[Payment] ${orderId}: ${totalAmount} taken`)
      publish(paymentEvents, { type: 'PAYMENT_TAKEN', orderId, paymentId: `payment-${id}` }) // commits with the acknowledgement
    },
  },
})
const notification = subscriber('notification-service', {
  from: [orderEvents, paymentEvents],
  on: {
    ORDER_CREATED: ({ userId, orderId }) => console.log(`[Notification] ${userId}: ${orderId} received`),
    PAYMENT_TAKEN: ({ orderId, paymentId }) => console.log(`[Notification] ${orderId}: paid, ${paymentId}`),
  },
})

await using app = millrace('order-system')
app.add(inventory, payment, notification)
await app.start()
const items = [
  { productId: 'prod-A', quantity: 2, price: 99.99 },
  { productId: 'prod-B', quantity: 1, price: 49.99 },
]
await app.publish(orderEvents, {
  type: 'ORDER_CREATED',
  orderId: 'order-1',
  userId: 'user-123',
  items,
  totalAmount: 249.97,
})
await app.settled()
