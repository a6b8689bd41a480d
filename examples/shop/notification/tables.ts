import { database } from 'millrace/sql'

export interface NotificationTables {
  notifications: { order_id: string; user_id: string; task_id: string }
}

export const notificationDatabase = database<NotificationTables>('notification', {
  migrations: {
    '001-notifications': {
      up: (db) =>
        db.schema
          .createTable('notifications')
          .addColumn('order_id', 'text', (column) => column.primaryKey().notNull())
          .addColumn('user_id', 'text', (column) => column.notNull())
          .addColumn('task_id', 'text', (column) => column.notNull())
          .execute(),
    },
  },
})
