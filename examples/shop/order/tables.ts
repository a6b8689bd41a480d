import type { Generated } from 'kysely'
import { database } from 'millrace/sql'

export interface OrderTables {
  orders: {
    /** Rises with each order: which of two orders of one moment came later. */
    sequence: Generated<number>
    order_id: string
    user_id: string
    total_cents: number
    created_at_ms: number
  }
  order_items: { order_id: string; line: number; product_id: string; quantity: number; price: number }
}

export const orderDatabase = database<OrderTables>('order', {
  migrations: {
    '001-orders': {
      up: async (db) => {
        await db.schema
          .createTable('orders')
          .addColumn('sequence', 'integer', (column) => column.primaryKey().autoIncrement())
          .addColumn('order_id', 'text', (column) => column.notNull().unique())
          .addColumn('user_id', 'text', (column) => column.notNull())
          .addColumn('total_cents', 'integer', (column) => column.notNull())
          .addColumn('created_at_ms', 'integer', (column) => column.notNull())
          .execute()
        await db.schema
          .createIndex('orders_of_user')
          .on('orders')
          .columns(['user_id', 'created_at_ms', 'sequence'])
          .execute()
        await db.schema
          .createTable('order_items')
          .addColumn('order_id', 'text', (column) => column.notNull())
          .addColumn('line', 'integer', (column) => column.notNull())
          .addColumn('product_id', 'text', (column) => column.notNull())
          .addColumn('quantity', 'integer', (column) => column.notNull())
          .addColumn('price', 'double precision', (column) => column.notNull())
          .addPrimaryKeyConstraint('order_items_key', ['order_id', 'line'])
          .execute()
      },
    },
  },
})
