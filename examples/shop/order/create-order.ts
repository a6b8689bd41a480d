import { command } from 'millrace/cqrs'
import { orderEvents } from './events.ts'
import { amountOf, totalCents } from './money.ts'
import { NewOrder } from './new-order.ts'
import { findOrder, type Order } from './orders.ts'
import { orderDatabase } from './tables.ts'

/** `repeated`: it was there already, with the same content. `conflicting`: with another, in these fields. */
export type Creation =
  | { readonly outcome: 'created' | 'repeated'; readonly order: Order }
  | { readonly outcome: 'conflicting'; readonly order: Order; readonly differences: readonly string[] }

/** The order's rows and its event are one transaction: neither is ever there without the other. */
export const createOrder = command('create-order', {
  database: orderDatabase,
  input: NewOrder,
  handle: async (wanted, { tx, publish, newId, now }): Promise<Creation> => {
    const { orderId = newId(), userId, items, orderedAt } = wanted
    const existing = await findOrder(tx, orderId)
    if (existing !== undefined) {
      const differences = compare(existing, wanted)
      return differences.length === 0
        ? { outcome: 'repeated', order: existing }
        : { outcome: 'conflicting', order: existing, differences }
    }

    const createdAt = orderedAt === undefined ? now() : new Date(orderedAt)
    const order: Order = { orderId, userId, items, totalCents: totalCents(items), createdAt }
    await tx
      .insertInto('orders')
      .values({ order_id: orderId, user_id: userId, total_cents: order.totalCents, created_at_ms: createdAt.getTime() })
      .execute()
    await tx
      .insertInto('order_items')
      .values(
        items.map(({ productId, ...item }, line) => ({ order_id: orderId, line, product_id: productId, ...item })),
      )
      .execute()
    publish(orderEvents, {
      type: 'ORDER_CREATED',
      orderId,
      userId,
      items,
      totalAmount: amountOf(order.totalCents),
      orderedAt,
    })
    return { outcome: 'created', order }
  },
})

/** The fields in which the order that is there is not the one that is wanted. The total follows from the items. */
function compare(existing: Order, wanted: NewOrder): string[] {
  const differences: string[] = []
  if (existing.userId !== wanted.userId) differences.push('userId')
  const isSameItem = (item: Order['items'][number], at: number) => {
    const other = wanted.items[at]!
    return item.productId === other.productId && item.quantity === other.quantity && item.price === other.price
  }
  if (existing.items.length !== wanted.items.length || !existing.items.every(isSameItem)) differences.push('items')
  const isSameMoment = wanted.orderedAt === undefined || Date.parse(wanted.orderedAt) === existing.createdAt.getTime()
  if (!isSameMoment) differences.push('orderedAt')
  return differences
}
