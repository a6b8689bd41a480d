import { createServer } from 'node:http'
import { millrace } from 'millrace'
import { queue, worker } from 'millrace/queue'
import * as z from 'zod'

const Task = z.discriminatedUnion('task', [
  z.object({ task: z.literal('send-email'), userId: z.string() }),
  z.object({ task: z.literal('process-image'), imageId: z.string() }),
])
const tasks = queue('tasks', { schema: Task, discriminator: 'task' })

// Stands for a mail provider.
const provider = createServer((request, response) => {
  request.on('data', (body) => console.log(`provider: mail for user ${body}`))
  request.on('end', () => response.end())
})
const port = await new Promise<number>((resolve) => {
  provider.listen(0, '127.0.0.1', () => resolve((provider.address() as { port: number }).port))
})

const workers = worker('task-workers', {
  from: tasks,
  concurrency: 32,
  retry: { attempts: 5, delay: '1s', maxDelay: '1m' },
  on: {
    'send-email': async ({ userId }, { id, signal }) => {
      const headers = { 'Idempotency-Key': id }
      const answer = await fetch(`http://127.0.0.1:${port}`, { method: 'POST', body: userId, headers, signal })
      if (!answer.ok) throw new Error(`the provider answered ${answer.status}`) // again after a second, two, four …
    },
    'process-image': { concurrency: 2, timeout: '30m', handle: ({ imageId }) => console.log(`resize ${imageId}`) },
  },
})

await using app = millrace('task-queue')
app.add(workers)
await app.start()
await app.send(tasks, { task: 'send-email', userId: '123' })
await app.send(tasks, { task: 'process-image', imageId: '456' })
await app.settled()
provider.close()
