/** What must hold of the topics that are cleaned while processes are killed. */
import type { CheckOptions, Observed } from './checker.ts'
import type { LogFile, LogPartition, LogRecord } from './files.ts'
import type { Kept } from './journal.ts'
import { idOf, placeOf } from './published.ts'
import { bounds } from './topics.ts'

/** A tombstone and the record before it may be sent in one order and appended in the other: not further apart than this. */
const mostAstrayMs = 10_000

/** Nothing newer than the bounds is lost, and of each key the last value is kept. */
export function checkCleaning(
  { records, partitions }: LogFile,
  observed: Observed,
  { isSettled }: CheckOptions,
): readonly string[] {
  const { kept, attempts, deadMs } = observed
  const byPlace = new Map(records.map((record) => [placeOf(record), record]))
  const byKey = Map.groupBy(
    records.filter(({ topic }) => topic === 'states'),
    ({ key }) => key ?? '',
  )
  const places = new Map(partitions.map((partition) => [`${partition.topic}/${partition.partition}`, partition]))
  const seen = new Set(attempts.filter(({ group }) => group === 'viewer').map(({ id }) => id))
  const violations: string[] = []
  for (const one of kept) {
    const where = `${one.id} of ${placeOf(one)}`
    const record = byPlace.get(placeOf(one))
    if (record !== undefined && idOf(record) !== one.id) violations.push(`${where} is another record`)
    if (record !== undefined) continue
    const why =
      one.topic === 'states'
        ? whyStateIsLost(one, byKey.get(one.key) ?? [], observed)
        : whyIsLost(one, places.get(`${one.topic}/${one.partition}`)!, deadMs)
    if (why !== undefined) violations.push(`${where} is gone: ${why}`)
  }
  for (const record of records) {
    if (isSettled && ['states', 'recents', 'lasts'].includes(record.topic) && !seen.has(idOf(record)))
      violations.push(`nobody saw ${idOf(record)} of ${placeOf(record)}`)
  }
  return violations
}

/** Undefined where retention may have deleted it. */
function whyIsLost({ topic, offset, sentMs }: Kept, place: LogPartition, deadMs: number): string | undefined {
  if (offset >= place.startOffset) return `the partition begins at ${place.startOffset}`
  const ageMs = deadMs - sentMs
  if (topic === 'recents' && ageMs < bounds.recentMs) return `it is ${ageMs} ms old`
  if (topic === 'lasts' && place.sizeBytes < bounds.lastBytes) return `${place.sizeBytes} bytes are left`
  return undefined
}

/** Undefined where compaction may have left it out. `ofKey` is what is there of its key. */
function whyStateIsLost(one: Kept, ofKey: readonly LogRecord[], observed: Observed): string | undefined {
  const { kept, deleting, deadMs } = observed
  const { key, offset, sentMs, isTombstone } = one
  const ageMs = deadMs - sentMs
  if (ageMs < bounds.minLagMs) return `it is ${ageMs} ms old`
  if (isTombstone && ofKey.some((record) => record.offset < offset)) return `its key ${key} is there again`
  if (ofKey.some((record) => record.offset > offset)) return undefined
  const isOver = (tombstone: Kept) =>
    tombstone.isTombstone && tombstone.key === key && tombstone.offset >= offset && isOld(tombstone.sentMs, deadMs)
  if (kept.some(isOver)) return undefined
  // One that was killed before it was acknowledged may have been there too.
  const isPerhapsOver = deleting.get(key)?.some((atMs) => atMs > sentMs - mostAstrayMs && isOld(atMs, deadMs))
  return isPerhapsOver ? undefined : `it was the last value of ${key}`
}

function isOld(sentMs: number, deadMs: number): boolean {
  return deadMs - sentMs >= bounds.minLagMs + bounds.tombstoneMs
}
