import type { Shop } from '../app.ts'
import { amountOf } from '../order/money.ts'

/** What the services' own tables say of these orders. */
export async function readFigures({ order, payment, inventory, notification }: Shop, orderIds: readonly string[]) {
  const { orders, users, quantity, cents } = await order.sum(orderIds)
  const payments = await payment.listPayments(orderIds)
  const reservations = await inventory.listReservations(orderIds)
  const notifications = await notification.listNotifications(orderIds)
  return {
    orders,
    users,
    quantity,
    amount: amountOf(cents),
    payments: payments.length,
    reservations: reservations.length,
    notifications: notifications.length,
  }
}
