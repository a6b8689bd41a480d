import type { App } from 'millrace'
import { createOrder } from './create-order.ts'
import type { NewOrder } from './new-order.ts'
import { findOrder, listOrdersOfUser, type Place, sumOrders } from './orders.ts'
import { orderDatabase } from './tables.ts'

/** Creates orders and tells the others about it. */
export function addOrderService(app: App) {
  const [create, db] = app.add(createOrder, orderDatabase)
  return {
    /** Resolves when the order is durable; its event follows. */
    create: async (order: NewOrder) => (await create.execute(order)).result,
    find: (orderId: string) => findOrder(db, orderId),
    listOfUser: (list: { readonly userId: string; readonly limit: number; readonly after: Place | undefined }) =>
      listOrdersOfUser(db, list),
    sum: (orderIds?: readonly string[]) => sumOrders(db, orderIds),
  }
}
