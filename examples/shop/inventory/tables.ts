import { database } from 'millrace/sql'

export interface InventoryTables {
  /** `stock` is what can still be reserved. */
  products: { product_id: string; stock: number; reserved: number }
  reservations: { order_id: string; status: 'RESERVED' | 'BACKORDERED' }
}

export const inventoryDatabase = database<InventoryTables>('inventory', {
  migrations: {
    '001-products-and-reservations': {
      up: async (db) => {
        await db.schema
          .createTable('products')
          .addColumn('product_id', 'text', (column) => column.primaryKey().notNull())
          .addColumn('stock', 'integer', (column) => column.notNull())
          .addColumn('reserved', 'integer', (column) => column.notNull())
          .execute()
        await db.schema
          .createTable('reservations')
          .addColumn('order_id', 'text', (column) => column.primaryKey().notNull())
          .addColumn('status', 'text', (column) => column.notNull())
          .execute()
      },
    },
  },
})
