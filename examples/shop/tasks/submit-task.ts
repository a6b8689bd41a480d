import { command } from 'millrace/cqrs'
import { NewTask } from './new-task.ts'
import { tasks } from './queue.ts'
import { findTask, saveTask, taskDatabase } from './tables.ts'

/**
 * The task's row and the task itself are one transaction: who gets the id can always ask for the state. A task that is
 * there already is not sent again.
 */
export const submitTask = command('submit-task', {
  database: taskDatabase,
  input: NewTask,
  handle: async ({ id: wanted, delay, ...task }, { tx, send, newId }) => {
    const id = wanted ?? newId()
    if ((await findTask(tx, id)) === undefined) {
      await saveTask(tx, { id, task: task.task, state: 'queued', attempt: 0, error: null })
      send(tasks, task, delay === undefined ? { id } : { id, delay })
    }
    return { id }
  },
})
