import { rateOf } from '../harness/measure.ts'
import { makeOrder } from '../harness/orders.ts'
import type { WorkFolder } from '../harness/work-folder.ts'
import { type BullQueue, loadBullMq } from './bullmq.ts'
import type { Load, RoundRates } from './millrace-round.ts'
import { RedisServer } from './redis-server.ts'
import { bulkProducers, bulkSize, inParallel, producers } from './tasks.ts'
import { measureWorkers } from './workers.ts'

/** Workers in a process of its own: four do more than one, each with a connection (measured). */
const workersInOneProcess = 4
const jobName = 'ORDER_CREATED'

/** The same as `runMillrace` with BullMQ on a new Redis, each time on an empty one. */
export async function runBullMq(
  redis: { readonly path: string; readonly options: readonly string[] },
  { folder, load }: { readonly folder: WorkFolder; readonly load: Load },
): Promise<RoundRates> {
  const run = async (processes: number, workers: number) => {
    await using server = await RedisServer.start(redis.path, folder, redis.options)
    const { queue: open } = loadBullMq(server.port)
    const queue = open('tasks')
    await queue.waitUntilReady()
    const added = await addTasks(queue, load)
    const count = load.inBulk + load.single
    const parameters = ['bullmq', String(server.port), String(workers), String(count)]
    const done = await measureWorkers({ processes, parameters, count })
    const { completed } = await queue.getJobCounts()
    if (completed !== count) throw new Error(`BullMQ completed ${completed} tasks, of ${count}.`)
    await queue.close()
    return { ...added, done }
  }
  const { done: doneByOne, ...added } = await run(1, workersInOneProcess)
  const { done: doneByThree } = await run(3, 1)
  return { ...added, doneByOne, doneByThree }
}

async function addTasks(
  queue: BullQueue,
  { inBulk, single }: Load,
): Promise<Pick<RoundRates, 'addBulk' | 'addSingle'>> {
  const addBulk = await rateOf(inBulk, () =>
    inParallel(inBulk / bulkSize, bulkProducers, (bulk) =>
      queue.addBulk(
        Array.from({ length: bulkSize }, (_, at) => ({ name: jobName, data: makeOrder(bulk * bulkSize + at) })),
      ),
    ),
  )
  const addSingle = await rateOf(single, () =>
    inParallel(single, producers, (number) => queue.add(jobName, makeOrder(inBulk + number))),
  )
  return { addBulk, addSingle }
}
