import type { Log } from '../../src/log/log.ts'
import type { RecordCursor } from '../../src/log/records/record-batch.ts'
import { rateOf, repeat, summarize } from '../harness/measure.ts'
import type { Group } from '../harness/suite.ts'
import { openFilledLog, partitions, topic } from './logs.ts'

const records = 400_000
const goalRate = 600_000

/** A reader over a whole topic, most of it from the file: only the newest 16 MiB are in memory. */
export const consume: Group = {
  name: 'consume',
  measure: async ({ folder }) => {
    await using log = await openFilledLog(folder, records)
    const walk = (use: (cursor: RecordCursor) => void) =>
      repeat(() => rateOf(records, async () => expectAll(await readAll(log, use))))
    const parsed = summarize(await walk((cursor) => JSON.parse(cursor.valueText()!)))
    const lazy = summarize(await walk(() => {}))
    return [
      {
        what: 'consume from the start, JSON.parse',
        unit: 'records/s',
        ...parsed,
        goal: { text: '600k', met: parsed.value >= goalRate },
      },
      { what: 'consume from the start, not parsed', unit: 'records/s', ...lazy },
    ]
  },
}

/** Every record of the topic; returns how many. */
async function readAll(log: Log, use: (cursor: RecordCursor) => void): Promise<number> {
  const all = Array.from({ length: partitions }, (_, partition) => ({ topic, partition }))
  const ends = await log.offsets('end', all)
  const left = new Map(ends.map((end, partition) => [partition, end]))
  const reader = log.createReader()
  for (const partition of all) reader.assign(partition, 0)
  let count = 0
  while (left.size > 0) {
    for (const { partition, batches, position } of await reader.poll()) {
      for (const batch of batches) {
        const cursor = batch.records()
        while (cursor.next()) {
          use(cursor)
          count++
        }
      }
      if (position >= left.get(partition)!) left.delete(partition)
    }
  }
  await reader.close()
  return count
}

function expectAll(count: number): void {
  if (count !== records) throw new Error(`${count} records were read, of ${records}.`)
}
