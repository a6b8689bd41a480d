import { type TaskContext, worker } from 'millrace/queue'
import { type Task, tasks } from './queue.ts'
import type { MailProvider } from './sent-mail.ts'
import { saveTask, taskDatabase } from './tables.ts'

const attempts = 5

/** Do the tasks, and say in the table how far they are. */
export function taskWorkers(mail: MailProvider) {
  return worker('task-workers', {
    from: tasks,
    concurrency: 32,
    retry: { attempts, delay: '1s', maxDelay: '1m' },
    on: {
      'send-email': (task, context) =>
        track(task, context, () => mail.send({ orderId: task.orderId, userId: task.userId, taskId: context.id })),
      'process-image': {
        concurrency: 2,
        timeout: '30m',
        handle: (task, context) => track(task, context, () => context.log.info(`image ${task.imageId} processed`)),
      },
    },
  })
}

/** Not in the task's own transaction: that a task runs, or waits for its next attempt, is seen while it does. */
async function track(
  { task }: Task,
  { id, attempt, get }: TaskContext,
  work: () => void | Promise<void>,
): Promise<void> {
  const save = (state: 'running' | 'retrying' | 'done' | 'failed', error: string | null = null) =>
    saveTask(get(taskDatabase), { id, task, state, attempt, error })
  await save('running')
  try {
    await work()
  } catch (error) {
    await save(attempt < attempts ? 'retrying' : 'failed', error instanceof Error ? error.message : String(error))
    throw error
  }
  await save('done')
}
