import { millrace, RejectError } from 'millrace'
import { queue, worker } from 'millrace/queue'
import * as z from 'zod'

const Task = z.discriminatedUnion('task', [
  z.object({ task: z.literal('send-email'), userId: z.string() }),
  z.object({ task: z.literal('process-image'), imageId: z.string() }),
])
export const tasks = queue('tasks', { schema: Task, discriminator: 'task' })

export const workers = worker('task-workers', {
  from: tasks,
  concurrency: 32,
  retry: { attempts: 5, delay: '1s', maxDelay: '1m' },
  on: {
    'send-email': async ({ userId }, { id, signal }) => {
      const headers = { 'Idempotency-Key': id }
      const answer = await fetch('https://mail.example', { method: 'POST', body: userId, headers, signal })
      if (answer.status === 422) throw new RejectError('address refused') // dead letter now, no retry
      if (!answer.ok) throw new Error(`the provider answered ${answer.status}`) // again after a second, two, four …
    },
    'process-image': { concurrency: 2, timeout: '30m', handle: ({ imageId }) => console.log(`resize ${imageId}`) },
  },
})

if (import.meta.main) {
  await using app = millrace('task-queue')
  app.add(workers)
  await app.start()
  await app.send(tasks, { task: 'send-email', userId: '123' }, { delay: '10m' })
  await app.send(tasks, { task: 'process-image', imageId: '456' })
  await app.settled() // the e-mail is not due: it waits in the log, for the next run too
}
