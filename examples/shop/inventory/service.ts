import type { App } from 'millrace'
import { oneOf } from '../one-of.ts'
import { findProduct, listProducts } from './products.ts'
import { stockReserver } from './reserve-stock.ts'
import { setStock } from './set-stock.ts'
import { inventoryDatabase } from './tables.ts'

/** Keeps the stock, and reserves it for orders. */
export function addInventoryService(app: App, { isPoisonOn }: { readonly isPoisonOn: boolean }) {
  const reserveStock = stockReserver({ isPoisonOn })
  const [, stocking, db] = app.add(reserveStock, setStock, inventoryDatabase)
  return {
    listProducts: () => listProducts(db),
    findProduct: (productId: string) => findProduct(db, productId),
    setStock: async (product: { readonly productId: string; readonly stock: number }) =>
      (await stocking.execute(product)).result,
    /** One for each of these orders that the service has seen. */
    listReservations: (orderIds: readonly string[]) =>
      db
        .selectFrom('reservations')
        .select(['order_id as orderId', 'status'])
        .where(oneOf('order_id', orderIds))
        .execute(),
    count: async () => {
      const query = db.selectFrom('reservations').select(({ fn }) => fn.countAll<number>().as('count'))
      return (await query.executeTakeFirstOrThrow()).count
    },
  }
}
