import type { Shop } from './app.ts'
import { amountOf } from './order/money.ts'

const orderId = 'order-demo'
const items = [
  { productId: 'prod-A', quantity: 2, price: 99.99 },
  { productId: 'prod-B', quantity: 1, price: 49.99 },
]

/** Places the first order of the shop, once however often the program starts. Gives what each service did with it. */
export async function placeDemoOrder(shop: Shop): Promise<string> {
  const { outcome, order } = await shop.order.create({ orderId, userId: 'user-123', items })
  await shop.app.settled({ timeout: '1m' })
  const [reservation] = await shop.inventory.listReservations([orderId])
  const [payment] = await shop.payment.listPayments([orderId])
  const [notification] = await shop.notification.listNotifications([orderId])
  const mail = notification && (await shop.tasks.find(notification.taskId))
  const lines = items.map(({ productId, quantity, price }) => `${quantity} × ${productId} at ${price}`)
  return `
${orderId} of ${order.userId}: ${lines.join(', ')}
  order         ${outcome === 'created' ? 'created' : 'there from an earlier start'}, ${amountOf(order.totalCents)} in all
  inventory     ${reservation?.status ?? 'nothing yet'}
  payment       ${payment === undefined ? 'nothing yet' : `${amountOf(payment.amountCents)} taken, ${payment.paymentId}`}
  notification  ${notification === undefined ? 'nothing yet' : `e-mail to ${notification.userId}, task ${notification.taskId}`}
  workers       ${mail === undefined ? 'nothing yet' : `${mail.task} is ${mail.state}`}
`
}

/** Calls to try. */
export function curlLines(url: string): string {
  return `
Try:
  curl ${url}/orders/${orderId}
  curl ${url}/orders -H 'Content-Type: application/json' -d '{"userId":"user-123","items":[{"productId":"prod-A","quantity":1,"price":99.99}]}'
  curl ${url}/stats
`
}
