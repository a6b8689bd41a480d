import type { Log, StoreEntry, TopicPartition } from '../../log/log.ts'
import type { StoreReadRange } from '../../runtime/commit/commit-home.ts'
import { decodeHead, headKeys, type ParkedRecord, parkedStore } from '../../runtime/parking/parked-record.ts'
import type { StoreReader } from '../../sql/store-reader.ts'

/** Heads that are read at once. */
const readAtOnce = 1_000

/** Heads of what a group parked of a partition: in the log, and in a database where it commits there. */
export async function readParked(
  log: Log,
  place: TopicPartition & { readonly group: string },
  database?: StoreReader,
): Promise<readonly ParkedRecord[]> {
  const inLog = await readHeads((range) => log.readStore({ ...place, ...range }))
  return database === undefined ? inLog : [...inLog, ...(await readHeads((range) => database.read(place, range)))]
}

async function readHeads(
  read: (range: StoreReadRange) => readonly StoreEntry[] | Promise<readonly StoreEntry[]>,
): Promise<readonly ParkedRecord[]> {
  const records: ParkedRecord[] = []
  let { from }: { from: Uint8Array } = headKeys
  for (;;) {
    const heads = await read({ store: parkedStore, from, to: headKeys.to, limit: readAtOnce })
    for (const [key, value] of heads) records.push(decodeHead(key, value))
    if (heads.length < readAtOnce) return records
    from = Buffer.concat([heads.at(-1)![0], Buffer.from([0])])
  }
}
