import type { App } from 'millrace'
import { oneOf } from '../one-of.ts'
import { paymentDatabase } from './tables.ts'
import { takePayment } from './take-payment.ts'

/** Takes the payments of orders. */
export function addPaymentService(app: App) {
  const [, db] = app.add(takePayment, paymentDatabase)
  return {
    /** One for each of these orders that the service has seen. */
    listPayments: (orderIds: readonly string[]) =>
      db
        .selectFrom('payments')
        .select(['payment_id as paymentId', 'order_id as orderId', 'amount_cents as amountCents'])
        .where(oneOf('order_id', orderIds))
        .execute(),
    count: async () => {
      const query = db.selectFrom('payments').select(({ fn }) => fn.countAll<number>().as('count'))
      return (await query.executeTakeFirstOrThrow()).count
    },
  }
}
