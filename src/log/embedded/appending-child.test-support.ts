/**
 * Started by tests: commits units until it is killed, or as many as it was told, and prints the number of each one that
 * was acknowledged. Unit n is the value n in `orders` and in `copies`, and position n + 1 of the group.
 */
import { writeSync } from 'node:fs'
import { staged } from '../conformance/harness.ts'
import { openEmbeddedLog } from './index.ts'

const [path = '', atOnce = '1', count = 'Infinity'] = process.argv.slice(2)
const log = await openEmbeddedLog({ path })
const orders = { topic: 'orders', partition: 0 }
const copies = { topic: 'copies', partition: 0 }
await log.ensureTopics([orders, copies].map(({ topic }) => ({ name: topic, partitions: 1, exact: true })))
const [committed] = await log.committed('copier', [orders])
let next = committed?.position ?? 0
const end = next + Number(count)

async function commitUnits(): Promise<void> {
  while (next < end) {
    const number = next++
    // Some are large, so that transactions are killed in the middle of their pages.
    const value = number % 17 === 0 ? `${number}`.padEnd(60_000, ' ') : `${number}`
    await log.commit({
      batches: [staged(orders, value), staged(copies, value)],
      offsets: { group: 'copier', offsets: [{ ...orders, position: number + 1, metadata: '' }] },
    })
    // At once and whole, unlike a stream.
    writeSync(1, `${number}\n`)
  }
}
await Promise.all(Array.from({ length: Number(atOnce) }, commitUnits))
await log.close()
