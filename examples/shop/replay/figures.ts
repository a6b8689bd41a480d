import type { Shop } from '../app.ts'
import { readValue } from '../dead-letters/service.ts'
import { amountOf } from '../order/money.ts'

/** What the services' own tables say of these orders, and how many of their records a service gave up. */
export async function readFigures(
  { order, payment, inventory, notification, deadLetters }: Shop,
  orderIds: readonly string[],
) {
  const { orders, users, quantity, cents } = await order.sum(orderIds)
  const payments = await payment.listPayments(orderIds)
  const reservations = await inventory.listReservations(orderIds)
  const notifications = await notification.listNotifications(orderIds)
  const known = new Set<unknown>(orderIds)
  const dead = (await deadLetters.list()).filter((letter) => known.has(orderIdOf(readValue(letter))))
  return {
    orders,
    users,
    quantity,
    amount: amountOf(cents),
    payments: payments.length,
    reservations: reservations.length,
    notifications: notifications.length,
    deadLetters: dead.length,
  }
}

function orderIdOf(value: unknown): unknown {
  return typeof value === 'object' && value !== null && 'orderId' in value ? value.orderId : undefined
}
