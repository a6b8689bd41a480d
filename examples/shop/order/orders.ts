import { sql } from 'kysely'
import type { Kysely } from 'millrace/sql'
import { oneOf } from '../one-of.ts'
import type { OrderTables } from './tables.ts'

export interface Order {
  readonly orderId: string
  readonly userId: string
  readonly items: readonly { readonly productId: string; readonly quantity: number; readonly price: number }[]
  readonly totalCents: number
  readonly createdAt: Date
}

/** A place in a user's list of orders. */
export interface Place {
  readonly createdAtMs: number
  readonly sequence: number
}

export async function findOrder(db: Kysely<OrderTables>, orderId: string): Promise<Order | undefined> {
  const row = await db.selectFrom('orders').selectAll().where('order_id', '=', orderId).executeTakeFirst()
  return row && (await withItems(db, [row]))[0]
}

/** Newest first; `next` is where the list goes on, if it does. */
export async function listOrdersOfUser(
  db: Kysely<OrderTables>,
  { userId, limit, after }: { readonly userId: string; readonly limit: number; readonly after: Place | undefined },
): Promise<{ readonly orders: readonly Order[]; readonly next: Place | undefined }> {
  let query = db.selectFrom('orders').selectAll().where('user_id', '=', userId)
  if (after !== undefined) {
    query = query.where(({ eb, refTuple, tuple }) =>
      eb(refTuple('created_at_ms', 'sequence'), '<', tuple(after.createdAtMs, after.sequence)),
    )
  }
  const rows = await query
    .orderBy('created_at_ms', 'desc')
    .orderBy('sequence', 'desc')
    .limit(limit + 1)
    .execute()
  const page = rows.slice(0, limit)
  const last = rows.length > limit ? page.at(-1) : undefined
  return {
    orders: await withItems(db, page),
    next: last && { createdAtMs: last.created_at_ms, sequence: last.sequence },
  }
}

/** Sums over all orders, or over those of a list. */
export async function sumOrders(db: Kysely<OrderTables>, orderIds?: readonly string[]) {
  const some = orderIds && oneOf('order_id', orderIds)
  // Sums in floating point are exact up to 2^53 and, unlike those of integers, never overflow.
  const sums = await db
    .selectFrom('orders')
    .select(({ fn }) => [
      fn.countAll<number>().as('orders'),
      fn.count<number>('user_id').distinct().as('users'),
      sql<number>`coalesce(sum(cast(total_cents as double precision)), 0)`.as('cents'),
    ])
    .$if(some !== undefined, (query) => query.where(some!))
    .executeTakeFirstOrThrow()
  const { quantity } = await db
    .selectFrom('order_items')
    .select(sql<number>`coalesce(sum(cast(quantity as double precision)), 0)`.as('quantity'))
    .$if(some !== undefined, (query) => query.where(some!))
    .executeTakeFirstOrThrow()
  return { ...sums, quantity }
}

type OrderRow = Omit<OrderTables['orders'], 'sequence'>

async function withItems(db: Kysely<OrderTables>, rows: readonly OrderRow[]): Promise<Order[]> {
  const orderIds = rows.map((row) => row.order_id)
  const lines = await db
    .selectFrom('order_items')
    .selectAll()
    .where(oneOf('order_id', orderIds))
    .orderBy('line')
    .execute()
  const linesByOrder = Map.groupBy(lines, (line) => line.order_id)
  return rows.map((row) => ({
    orderId: row.order_id,
    userId: row.user_id,
    items: (linesByOrder.get(row.order_id) ?? []).map(({ product_id: productId, quantity, price }) => ({
      productId,
      quantity,
      price,
    })),
    totalCents: row.total_cents,
    createdAt: new Date(row.created_at_ms),
  }))
}
