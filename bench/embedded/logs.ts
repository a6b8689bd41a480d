import { openEmbeddedLog } from '../../src/log/embedded/index.ts'
import type { Log } from '../../src/log/log.ts'
import { BatchWriter, type EncodedBatch } from '../../src/log/records/batch-writer.ts'
import { makeOrder } from '../harness/orders.ts'
import type { WorkFolder } from '../harness/work-folder.ts'

export const topic = 'orders'
export const partitions = 6
/** Records in each batch that is encoded before the clock runs: about 250 KB. */
const recordsInBatch = 1_000
/** Units on their way at once, so that the next is ready when an fsync ends. */
const unitsInFlight = 4

/** An empty log in a file, with the topic of the benchmarks. */
export async function openEmptyLog(folder: WorkFolder): Promise<Log> {
  const log = await openEmbeddedLog({ path: folder.newPath('log') })
  await log.ensureTopics([{ name: topic, partitions, exact: true }])
  return log
}

/** Orders from 0 on, encoded in batches of a thousand. */
export function encodeOrders(count: number): EncodedBatch[] {
  const writer = new BatchWriter()
  const batches: EncodedBatch[] = []
  for (let number = 0; number < count; number++) {
    const order = makeOrder(number)
    writer.append({ timestampMs: 1_767_225_600_000 + number, key: order.orderId, value: JSON.stringify(order) })
    if (writer.count === recordsInBatch) batches.push(writer.finish())
  }
  if (writer.count > 0) batches.push(writer.finish())
  return batches
}

/** Commits each batch as a unit of its own, a few on their way at once; resolves when all are durable. */
export async function commitAll(log: Log, batches: Iterable<EncodedBatch>): Promise<void> {
  const inFlight: Promise<unknown>[] = []
  let partition = 0
  for (const batch of batches) {
    inFlight.push(log.commit({ batches: [{ topic, partition, batch }] }))
    partition = (partition + 1) % partitions
    if (inFlight.length >= unitsInFlight) await inFlight.shift()
  }
  await Promise.all(inFlight)
}

/** A log that holds `count` orders. */
export async function openFilledLog(folder: WorkFolder, count: number): Promise<Log> {
  const log = await openEmptyLog(folder)
  await commitAll(log, encodeOrders(count))
  return log
}
