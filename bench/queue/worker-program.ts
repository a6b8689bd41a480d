/**
 * `node worker-program.ts millrace <url>` or `node worker-program.ts bullmq <port> <workers> <count>`: one process that
 * does tasks. It does some others first, says `ready`, begins when it is told to go, and tells how many it has done: the
 * first when all are done and acknowledged by whatever process, the second whenever that changed, for nobody tells it when
 * all are.
 */
import { once } from 'node:events'
import { millrace } from 'millrace'
import { worker } from 'millrace/queue'
import { quiet } from '../embedded/apps.ts'
import { makeOrder } from '../harness/orders.ts'
import { loadBullMq } from './bullmq.ts'
import { concurrency, tasks } from './tasks.ts'

/** What the program says. */
export type WorkerMessage = 'ready' | { readonly done: number } | { readonly error: string }

const tellMs = 5
/** Tasks before the clock runs: a worker runs for days, and is not measured while it is compiled. */
const warmUps = 5_000
const [system, place, workers, count] = process.argv.slice(2)

function tell(message: WorkerMessage): void {
  process.send?.(message)
}

async function workMillrace(url: string): Promise<void> {
  await doMillrace('memory:', warmUps)
  tell('ready')
  await once(process, 'message')
  const stopped = once(process, 'message')
  try {
    await doMillrace(url, 0, async (done) => {
      tell({ done })
      // Until the others have settled too: nobody's partitions move while they are counted.
      await stopped
    })
  } catch (error) {
    tell({ error: String(error) })
  }
}

/** Adds so many tasks and does all that there are. */
async function doMillrace(url: string, added: number, settled?: (done: number) => Promise<void>): Promise<void> {
  let done = 0
  const on = {
    ORDER_CREATED: async () => {
      done++
    },
  }
  await using app = millrace('worker', { url, ...quiet })
  app.add(worker('workers', { from: tasks, concurrency, on }))
  for (let number = 0; number < added; number++) void app.send(tasks, makeOrder(number))
  await app.start()
  await app.settled({ timeout: '5m' })
  await settled?.(done)
}

async function workBullMq(port: number): Promise<void> {
  const bullmq = loadBullMq(port)
  const start = (name: string, completed: () => void) =>
    Array.from({ length: Number(workers) }, () => {
      const each = bullmq.worker(name, concurrency, async () => {})
      each.on('completed', completed)
      return each
    })
  const warmUp = bullmq.queue(`warm-up-${process.pid}`)
  await warmUp.addBulk(Array.from({ length: warmUps }, (_, at) => ({ name: 'ORDER_CREATED', data: makeOrder(at) })))
  const warm = Promise.withResolvers<void>()
  let warmedUp = 0
  const before = start(`warm-up-${process.pid}`, () => {
    if (++warmedUp === warmUps) warm.resolve()
  })
  await warm.promise
  for (const each of before) await each.close()
  await warmUp.close()
  tell('ready')
  await once(process, 'message')
  const stopped = once(process, 'message')
  let done = 0
  const all = start('tasks', () => {
    if (++done === Number(count)) tell({ done })
  })
  let told = 0
  const timer = setInterval(() => {
    if (done > told) tell({ done })
    told = done
  }, tellMs)
  await stopped
  clearInterval(timer)
  for (const each of all) await each.close()
}

if (system === 'millrace') await workMillrace(place!)
else await workBullMq(Number(place))
if (process.connected) process.disconnect()
