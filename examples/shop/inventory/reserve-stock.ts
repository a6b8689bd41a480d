import { subscriber } from 'millrace/pubsub'
import { orderEvents } from '../order/events.ts'
import { inventoryEvents } from './events.ts'
import { findMissing, moveToReserved } from './products.ts'
import { inventoryDatabase } from './tables.ts'

/** Reserves all that an order needs or, if any of it is short, nothing. */
export function stockReserver({ isPoisonOn }: { readonly isPoisonOn: boolean }) {
  return subscriber('inventory-service', {
    from: orderEvents,
    database: inventoryDatabase,
    retry: { attempts: 5, delay: '100ms' },
    on: {
      ORDER_CREATED: async ({ orderId, items }, { tx, publish }) => {
        const known = await tx
          .selectFrom('reservations')
          .select('status')
          .where('order_id', '=', orderId)
          .executeTakeFirst()
        if (known !== undefined) return // an order reserves once, whoever announces it again

        const needed = sumByProduct(items)
        if (isPoisonOn) refusePoison(needed)
        const missing = await findMissing(tx, needed)
        const isReserved = missing.length === 0
        if (isReserved) await moveToReserved(tx, needed)
        const status = isReserved ? 'RESERVED' : 'BACKORDERED'
        await tx.insertInto('reservations').values({ order_id: orderId, status }).execute()
        publish(
          inventoryEvents,
          isReserved ? { type: 'ORDER_RESERVED', orderId } : { type: 'ORDER_BACKORDERED', orderId, missing },
        )
      },
    },
  })
}

/** Fails as a bug would, to try what becomes of such an order: see docs/failures.md. */
function refusePoison(needed: ReadonlyMap<string, number>): void {
  for (const productId of needed.keys()) {
    if (productId.startsWith('poison-')) throw new Error(`nobody can take ${productId} from its shelf`)
  }
}

/** An order may name a product more than once. */
function sumByProduct(
  items: readonly { readonly productId: string; readonly quantity: number }[],
): ReadonlyMap<string, number> {
  const sums = new Map<string, number>()
  for (const { productId, quantity } of items) sums.set(productId, (sums.get(productId) ?? 0) + quantity)
  return sums
}
