import { subscriber } from 'millrace/pubsub'
import { orderEvents } from '../order/events.ts'
import { paymentEvents } from './events.ts'
import { paymentDatabase } from './tables.ts'

/** Takes the payment of each order. */
export const takePayment = subscriber('payment-service', {
  from: orderEvents,
  database: paymentDatabase,
  on: {
    ORDER_CREATED: async ({ orderId, totalAmount }, { tx, publish, newId }) => {
      const amountCents = Math.round(totalAmount * 100)
      // The same id when the order is delivered again: what a payment provider would deduplicate on.
      const paymentId = `payment-${newId()}`
      const { numInsertedOrUpdatedRows } = await tx
        .insertInto('payments')
        .values({ payment_id: paymentId, order_id: orderId, amount_cents: amountCents })
        .onConflict((conflict) => conflict.column('order_id').doNothing())
        .executeTakeFirst()
      if (numInsertedOrUpdatedRows === 0n) return // an order is paid once, whoever announces it again
      publish(paymentEvents, { type: 'PAYMENT_TAKEN', orderId, paymentId, amountCents })
    },
  },
})
