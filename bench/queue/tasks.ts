import { queue } from 'millrace/queue'
import { uncheckedOrder } from '../harness/orders.ts'

/** Tasks of 240 bytes of JSON without a key and without a check, as BullMQ takes them. */
export const tasks = queue('tasks', { schema: uncheckedOrder })
/** How many tasks one call of a bulk adds. */
export const bulkSize = 1_000
/** Producers at once that add in bulks. */
export const bulkProducers = 2
/** Producers at once that add one by one, each waiting for its own. */
export const producers = 50
/** Tasks at once in one worker: our default. */
export const concurrency = 16

/** Runs `work` for each number below `count`, by so many callers at once. */
export async function inParallel(count: number, width: number, work: (number: number) => Promise<unknown>) {
  let next = 0
  const caller = async () => {
    while (next < count) await work(next++)
  }
  await Promise.all(Array.from({ length: width }, caller))
}
