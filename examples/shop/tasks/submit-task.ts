import { command } from 'millrace/cqrs'
import { Task, tasks } from './queue.ts'
import { saveTask, taskDatabase } from './tables.ts'

/** The task's row and the task itself are one transaction: who gets the id can always ask for the state. */
export const submitTask = command('submit-task', {
  database: taskDatabase,
  input: Task,
  handle: async (task, { tx, send, newId }) => {
    const id = newId()
    await saveTask(tx, { id, task: task.task, state: 'queued', attempt: 0, error: null })
    send(tasks, task, { id })
    return { id }
  },
})
