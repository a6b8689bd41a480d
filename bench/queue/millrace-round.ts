import { millrace } from 'millrace'
import { quiet } from '../embedded/apps.ts'
import { rateOf } from '../harness/measure.ts'
import { makeOrder } from '../harness/orders.ts'
import type { WorkFolder } from '../harness/work-folder.ts'
import { bulkProducers, bulkSize, inParallel, producers, tasks } from './tasks.ts'
import { measureWorkers } from './workers.ts'

/** How many tasks are added in bulks and one by one, and then done. */
export interface Load {
  readonly inBulk: number
  readonly single: number
}
/** Tasks a second. */
export interface RoundRates {
  readonly addBulk: number
  readonly addSingle: number
  readonly doneByOne: number
  readonly doneByThree: number
}

/** Adds to a new log and has it done, by one process, then by three. */
export async function runMillrace(folder: WorkFolder, load: Load): Promise<RoundRates> {
  const url = `file:${folder.newPath('log')}`
  const added = await addTasks(url, load)
  const count = load.inBulk + load.single
  const doneByOne = await measureWorkers({ processes: 1, parameters: ['millrace', url], count })
  const shared = `file:${folder.newPath('log')}`
  await addTasks(shared, load)
  const doneByThree = await measureWorkers({ processes: 3, parameters: ['millrace', shared], count })
  return { ...added, doneByOne, doneByThree }
}

async function addTasks(url: string, { inBulk, single }: Load): Promise<Pick<RoundRates, 'addBulk' | 'addSingle'>> {
  await using app = millrace('producer', { url, ...quiet })
  await app.start()
  const addBulk = await rateOf(inBulk, () =>
    inParallel(inBulk / bulkSize, bulkProducers, (bulk) =>
      app.transaction(({ send }) => {
        for (let at = 0; at < bulkSize; at++) send(tasks, makeOrder(bulk * bulkSize + at))
      }),
    ),
  )
  const addSingle = await rateOf(single, () =>
    inParallel(single, producers, (number) => app.send(tasks, makeOrder(inBulk + number))),
  )
  return { addBulk, addSingle }
}
