import type { Kysely } from 'millrace/sql'
import { oneOf } from '../one-of.ts'
import type { InventoryTables } from './tables.ts'

export interface Product {
  readonly productId: string
  readonly stock: number
  readonly reserved: number
}

/** Of a product that nobody has ordered or stocked yet. */
export const initialStock = 1_000_000

export async function listProducts(db: Kysely<InventoryTables>): Promise<Product[]> {
  const rows = await db.selectFrom('products').selectAll().orderBy('product_id').execute()
  return rows.map(toProduct)
}

export async function findProduct(db: Kysely<InventoryTables>, productId: string): Promise<Product> {
  const row = await db.selectFrom('products').selectAll().where('product_id', '=', productId).executeTakeFirst()
  return row === undefined ? { productId, stock: initialStock, reserved: 0 } : toProduct(row)
}

/** Which of the products have less in stock than is needed. */
export async function findMissing(db: Kysely<InventoryTables>, needed: ReadonlyMap<string, number>): Promise<string[]> {
  const rows = await db
    .selectFrom('products')
    .selectAll()
    .where(oneOf('product_id', [...needed.keys()]))
    .execute()
  const stocks = new Map(rows.map((row) => [row.product_id, row.stock]))
  return [...needed].filter(([id, quantity]) => (stocks.get(id) ?? initialStock) < quantity).map(([id]) => id)
}

/** Moves the quantities from stock to reserved. */
export async function moveToReserved(db: Kysely<InventoryTables>, needed: ReadonlyMap<string, number>): Promise<void> {
  await db
    .insertInto('products')
    .values(
      [...needed].map(([id, quantity]) => ({ product_id: id, stock: initialStock - quantity, reserved: quantity })),
    )
    .onConflict((conflict) =>
      conflict.column('product_id').doUpdateSet(({ eb, ref }) => ({
        stock: eb('products.stock', '-', ref('excluded.reserved')),
        reserved: eb('products.reserved', '+', ref('excluded.reserved')),
      })),
    )
    .execute()
}

// Quantities beyond 2^53 are read as bigint, for which JSON has no text.
function toProduct({ product_id: productId, stock, reserved }: InventoryTables['products']): Product {
  return { productId, stock: Number(stock), reserved: Number(reserved) }
}
