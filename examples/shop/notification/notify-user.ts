import { subscriber } from 'millrace/pubsub'
import { orderEvents } from '../order/events.ts'
import { tasks } from '../tasks/queue.ts'
import { notificationDatabase } from './tables.ts'

/** Tells the user of each order. The e-mail itself is a task for the workers, sent with the row or not at all. */
export const notifyUser = subscriber('notification-service', {
  from: orderEvents,
  database: notificationDatabase,
  on: {
    ORDER_CREATED: async ({ orderId, userId }, { tx, send, newId }) => {
      const taskId = newId()
      const { numInsertedOrUpdatedRows } = await tx
        .insertInto('notifications')
        .values({ order_id: orderId, user_id: userId, task_id: taskId })
        .onConflict((conflict) => conflict.column('order_id').doNothing())
        .executeTakeFirst()
      if (numInsertedOrUpdatedRows === 0n) return // a user is told once, whoever announces the order again
      send(tasks, { task: 'send-email', userId, orderId }, { id: taskId })
    },
  },
})
