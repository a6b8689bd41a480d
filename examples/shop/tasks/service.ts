import type { App } from 'millrace'
import type { NewTask } from './new-task.ts'
import type { MailProvider } from './sent-mail.ts'
import { submitTask } from './submit-task.ts'
import { findTask, taskDatabase } from './tables.ts'
import { taskWorkers } from './workers.ts'

/** Takes tasks and does them. */
export function addTaskService(app: App, mail: MailProvider) {
  const workers = taskWorkers(mail)
  const [submit, , db] = app.add(submitTask, workers, taskDatabase)
  return {
    submit: async (task: NewTask) => (await submit.execute(task)).result,
    find: (id: string) => findTask(db, id),
  }
}
