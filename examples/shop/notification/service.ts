import type { App } from 'millrace'
import { oneOf } from '../one-of.ts'
import { notifyUser } from './notify-user.ts'
import { notificationDatabase } from './tables.ts'

/** Tells users of their orders. */
export function addNotificationService(app: App) {
  const [, db] = app.add(notifyUser, notificationDatabase)
  return {
    /** One for each of these orders that the service has seen. */
    listNotifications: (orderIds: readonly string[]) =>
      db
        .selectFrom('notifications')
        .select(['order_id as orderId', 'user_id as userId', 'task_id as taskId'])
        .where(oneOf('order_id', orderIds))
        .execute(),
    count: async () => {
      const query = db.selectFrom('notifications').select(({ fn }) => fn.countAll<number>().as('count'))
      return (await query.executeTakeFirstOrThrow()).count
    },
  }
}
