import { database } from 'millrace/sql'

export interface PaymentTables {
  payments: { payment_id: string; order_id: string; amount_cents: number }
}

export const paymentDatabase = database<PaymentTables>('payment', {
  migrations: {
    '001-payments': {
      up: (db) =>
        db.schema
          .createTable('payments')
          .addColumn('payment_id', 'text', (column) => column.primaryKey().notNull())
          .addColumn('order_id', 'text', (column) => column.notNull().unique())
          .addColumn('amount_cents', 'integer', (column) => column.notNull())
          .execute(),
    },
  },
})
