import { isUtf8 } from 'node:buffer'
import { UnknownTopicError } from '../../log/errors.ts'
import type { Log, Reader, TopicPartition } from '../../log/log.ts'
import type { RecordCursor } from '../../log/records/record-batch.ts'
import { findTopic } from './topics.ts'

/** Which records of a topic. */
export interface TailOptions {
  readonly topic: string
  /** One partition, or all of them. */
  readonly partition?: number | undefined
  /** `last`: the newest `limit` ones; an offset is meant in each partition. */
  readonly from: 'last' | 'start' | 'end' | number | Date
  /** Of this key alone. */
  readonly key?: string | undefined
  /** At most so many. */
  readonly limit: number
  /** Goes on with what is appended, until the signal aborts or there were enough. */
  readonly follow: boolean
  readonly signal: AbortSignal
}
/** A record for people and programs. */
export interface TailedRecord extends TopicPartition {
  readonly offset: number
  /** ISO 8601; null for a record without one. */
  readonly timestamp: string | null
  readonly key: string | null
  readonly headers: Readonly<Record<string, string | null>>
  /** As `encoding` says: parsed, a text, base64; null for a tombstone. */
  readonly value: unknown
  readonly encoding: 'json' | 'text' | 'base64' | 'tombstone'
}

/** In the order of their times within what is read at once, and of their offsets in each partition. */
export async function* tail(log: Log, options: TailOptions): AsyncGenerator<TailedRecord> {
  const partitions = await partitionsOf(log, options)
  const ends = await log.offsets('end', partitions)
  if (options.from !== 'last') {
    yield* limited(
      read(log, { ...options, partitions, starts: await startsOf(log, options.from, partitions), ends }),
      options.limit,
    )
    return
  }
  yield* await newest(log, { ...options, partitions, ends })
  if (options.follow) yield* read(log, { ...options, partitions, starts: ends, ends })
}

interface Range extends TailOptions {
  readonly partitions: readonly TopicPartition[]
  readonly ends: readonly number[]
}

async function partitionsOf(log: Log, { topic: name, partition }: TailOptions): Promise<readonly TopicPartition[]> {
  const topic = await findTopic(log, name)
  if (partition === undefined)
    return Array.from({ length: topic.partitions }, (_, each) => ({ topic: name, partition: each }))
  if (partition >= topic.partitions) {
    throw new UnknownTopicError(name, { partition: { asked: partition, count: topic.partitions } })
  }
  return [{ topic: name, partition }]
}

async function startsOf(
  log: Log,
  from: 'start' | 'end' | number | Date,
  partitions: readonly TopicPartition[],
): Promise<readonly number[]> {
  return typeof from === 'number' ? partitions.map(() => from) : log.offsets(from, partitions)
}

/** The newest ones that fit. Offsets may skip: it looks further back until there are enough. */
async function newest(log: Log, range: Range): Promise<readonly TailedRecord[]> {
  const { partitions, ends, limit, key } = range
  const firsts = await log.offsets('start', partitions)
  for (let back = limit; ; back *= 8) {
    const starts = ends.map((end, index) => (key === undefined ? Math.max(firsts[index]!, end - back) : firsts[index]!))
    const last = new Map<number, TailedRecord[]>()
    for await (const record of read(log, { ...range, starts, follow: false })) {
      const own = last.get(record.partition)
      if (own === undefined) last.set(record.partition, [record])
      else own.push(record)
      if (own !== undefined && own.length >= 2 * limit + 1_000) own.splice(0, own.length - limit)
    }
    const found = mergeByTime([...last.values()]).slice(-limit)
    if (found.length === limit || starts.every((start, index) => start === firsts[index])) return found
  }
}

async function* read(
  log: Log,
  { partitions, starts, ends, key, follow, signal }: Range & { readonly starts: readonly number[] },
): AsyncGenerator<TailedRecord> {
  const reader = log.createReader()
  const wake = () => reader.wake()
  signal.addEventListener('abort', wake)
  try {
    const left = new Set<number>()
    for (const [index, place] of partitions.entries()) {
      if (!follow && starts[index]! >= ends[index]!) continue
      reader.assign(place, starts[index]!)
      left.add(index)
    }
    while (left.size > 0 && !signal.aborted) {
      const records: TailedRecord[][] = []
      for (const fetched of await reader.poll()) {
        const index = partitions.findIndex(({ partition }) => partition === fetched.partition)
        const isWanted = ({ offset }: TailedRecord) => offset >= starts[index]! && (follow || offset < ends[index]!)
        records.push(recordsOf(fetched, key).filter(isWanted))
        if (follow || fetched.position < ends[index]!) continue
        left.delete(index)
        reader.unassign(fetched)
      }
      yield* mergeByTime(records)
    }
  } finally {
    signal.removeEventListener('abort', wake)
    await reader.close()
  }
}

async function* limited(records: AsyncGenerator<TailedRecord>, limit: number): AsyncGenerator<TailedRecord> {
  let count = 0
  for await (const record of records) {
    yield record
    if (++count >= limit) return
  }
}

function recordsOf(
  { topic, partition, batches }: Awaited<ReturnType<Reader['poll']>>[number],
  key: string | undefined,
) {
  const records: TailedRecord[] = []
  for (const batch of batches) {
    if (batch.isControl) continue
    const cursor = batch.records()
    while (cursor.next()) {
      if (key === undefined || cursor.keyText() === key) records.push({ topic, partition, ...describe(cursor) })
    }
  }
  return records
}

function describe(cursor: RecordCursor): Omit<TailedRecord, keyof TopicPartition> {
  return {
    offset: cursor.offset,
    timestamp: cursor.timestampMs < 0 ? null : new Date(cursor.timestampMs).toISOString(),
    key: cursor.keyText(),
    headers: Object.fromEntries(cursor.headers().map(([name, value]) => [name, value?.toString() ?? null])),
    ...decode(cursor.valueBytes()),
  }
}

function decode(bytes: Buffer | null): Pick<TailedRecord, 'value' | 'encoding'> {
  if (bytes === null) return { value: null, encoding: 'tombstone' }
  if (!isUtf8(bytes)) return { value: bytes.toString('base64'), encoding: 'base64' }
  const text = bytes.toString()
  try {
    return { value: JSON.parse(text), encoding: 'json' }
  } catch {
    return { value: text, encoding: 'text' }
  }
}

/** Each list in its own order, the next one always from the list whose next record is the oldest. */
function mergeByTime(lists: readonly (readonly TailedRecord[])[]): readonly TailedRecord[] {
  const merged: TailedRecord[] = []
  const heads = lists.map(() => 0)
  for (;;) {
    let oldest = -1
    let oldestTime = ''
    for (const [index, list] of lists.entries()) {
      const head = list[heads[index]!]
      if (head === undefined || (oldest >= 0 && (head.timestamp ?? '') >= oldestTime)) continue
      oldest = index
      oldestTime = head.timestamp ?? ''
    }
    if (oldest < 0) return merged
    merged.push(lists[oldest]![heads[oldest]!++]!)
  }
}
