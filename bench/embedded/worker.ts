import { millrace } from 'millrace'
import { worker as defineWorker, queue } from 'millrace/queue'
import * as z from 'zod'
import { rateOf, repeat, summarize } from '../harness/measure.ts'
import type { Group } from '../harness/suite.ts'
import { quiet } from './apps.ts'

const count = 100_000
const Task = z.object({ task: z.literal('send-email'), userId: z.string(), text: z.string() })
const tasks = queue('tasks', { schema: Task, discriminator: 'task' })
const text = 'Your order is on its way. '.repeat(7)

/** Tasks of about 240 bytes without a key, checked by zod: sent one by one, then done. */
export const worker: Group = {
  name: 'worker',
  measure: async ({ folder }) => {
    const runs = await repeat(async () => {
      const url = `file:${folder.newPath('log')}`
      return { sent: await send(url), done: await work(url) }
    })
    return [
      { what: 'send tasks, 100 at once', unit: 'tasks/s', ...summarize(runs.map(({ sent }) => sent)) },
      { what: 'worker, async handler', unit: 'tasks/s', ...summarize(runs.map(({ done }) => done)) },
    ]
  },
}

async function send(url: string): Promise<number> {
  await using app = millrace('sender', { url, ...quiet })
  await app.start()
  let sent = 0
  const sender = async () => {
    while (sent < count) await app.send(tasks, { task: 'send-email', userId: `user-${sent++}`, text })
  }
  return await rateOf(count, async () => void (await Promise.all(Array.from({ length: 100 }, sender))))
}

async function work(url: string): Promise<number> {
  let done = 0
  const mailers = defineWorker('mailers', {
    from: tasks,
    on: {
      'send-email': async () => {
        done++
      },
    },
  })
  await using app = millrace('worker', { url, ...quiet })
  app.add(mailers)
  const rate = await rateOf(count, async () => {
    await app.start()
    await app.settled()
  })
  if (done !== count) throw new Error(`${done} tasks were done, of ${count}.`)
  return rate
}
