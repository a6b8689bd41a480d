import type { Shop } from '../app.ts'
import { amountOf } from '../order/money.ts'
import type { Order } from '../order/orders.ts'

/** An order as its own service knows it: the answer to creating it. */
export function showOrder({ orderId, userId, items, totalCents }: Order) {
  return { orderId, userId, items, totalAmount: amountOf(totalCents), status: 'CREATED' }
}

/** Orders with what every service has done for them so far. */
export async function showProgress(shop: Shop, orders: readonly Order[]) {
  const orderIds = orders.map(({ orderId }) => orderId)
  const [reservations, payments, notifications] = await Promise.all([
    shop.inventory.listReservations(orderIds),
    shop.payment.listPayments(orderIds),
    shop.notification.listNotifications(orderIds),
  ])
  const reservationOf = byOrder(reservations)
  const paymentOf = byOrder(payments)
  const notificationOf = byOrder(notifications)
  return orders.map((order) => {
    const payment = paymentOf.get(order.orderId)
    return {
      ...showOrder(order),
      createdAt: order.createdAt.toISOString(),
      reservation: reservationOf.get(order.orderId)?.status ?? null,
      payment: payment === undefined ? null : { paymentId: payment.paymentId, amount: amountOf(payment.amountCents) },
      notified: notificationOf.has(order.orderId),
    }
  })
}

function byOrder<Row extends { readonly orderId: string }>(rows: readonly Row[]): ReadonlyMap<string, Row> {
  return new Map(rows.map((row) => [row.orderId, row]))
}
