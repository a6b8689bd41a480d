/**
 * What stands in the files of a killed app, read with SQLite and this folder's own code: the log as docs/file-format.md
 * describes it, and the tables of ours in a user's database.
 */
import { DatabaseSync } from 'node:sqlite'
import { decodeBatch, type StoredRecord } from './batch-format.ts'

/** A record in the log, or a message of the outbox that the log does not have yet. */
export interface LogRecord extends StoredRecord {
  readonly topic: string
  readonly partition: number
}
export interface OutboxMessage extends Pick<StoredRecord, 'key' | 'value' | 'headers'> {
  readonly topic: string
}

/** A record that waits in a store. */
export interface ParkedRecord {
  readonly id: string
  readonly topic: string
  readonly partition: number
  readonly offset: number
  readonly reason: string
  /** Of a grave. */
  readonly death?: string
  readonly sequence: bigint
}

/** What a group has of a partition: of the log, or of a database as commit home. */
export interface Progress {
  readonly topic: string
  readonly partition: number
  readonly position: number
  /** Finished above the position, by their offsets. */
  readonly finished: ReadonlySet<number>
}

/** One group as its commit home has it. */
export interface GroupFiles {
  readonly progress: readonly Progress[]
  readonly parked: readonly ParkedRecord[]
  /** What keeps the place of a dead record in its key. */
  readonly graves: readonly ParkedRecord[]
  /** Deaths that were undone. */
  readonly redriven: ReadonlySet<string>
  /** Deaths that are for good. */
  readonly discarded: ReadonlySet<string>
  /** Partition and offset of tasks that are skipped when they come: `0/17`. */
  readonly cancelled: ReadonlySet<string>
}

export interface LogFile {
  /** In the order of their topics, partitions and offsets. */
  readonly records: readonly LogRecord[]
  readonly partitions: readonly LogPartition[]
  readonly group: (name: string) => GroupFiles
  readonly faults: readonly string[]
}
/** Where a partition begins, and the bytes that it has. */
export interface LogPartition {
  readonly topic: string
  readonly partition: number
  readonly startOffset: number
  readonly sizeBytes: number
}
export interface DatabaseFile {
  readonly id: string
  readonly outbox: readonly (OutboxMessage & { readonly number: number })[]
  readonly group: (name: string) => GroupFiles
  readonly rows: (sql: string) => readonly Record<string, unknown>[]
  readonly faults: readonly string[]
}

type Row = Record<string, unknown>

/** Reads the log of a folder. */
export function readLogFile(path: string): LogFile {
  using database = new DatabaseSync(path, { readOnly: true })
  const rows = (sql: string) => database.prepare(sql).all() as Row[]
  const faults = integrityFaults(rows)
  const partitions = rows(
    'select p.number, t.name as topic, t.compacted, p.partition, p.start_offset, p.end_offset from partition p join topic t on t.number = p.topic order by t.name, p.partition',
  )
  const records = partitions.flatMap((partition) => readPartition(database, partition, faults))
  const places = new Map(partitions.map((row) => [Number(row.number), place(row)]))
  const progress = rows('select * from committed_offset').map((row) => ({
    group: String(row.group),
    ...places.get(Number(row.partition))!,
    ...decodeProgress(Number(row.position), String(row.metadata)),
  }))
  const entries = rows(
    `select s."group" as group_name, s.partition, s.name as store, e.key, e.value from store_entry e join store s on s.number = e.store`,
  ).map((row) => ({ ...row, ...places.get(Number(row.partition))! }))
  const sizes = new Map(
    rows('select partition, sum(length(bytes)) as size from batch group by partition').map((row) => [
      row.partition,
      row.size,
    ]),
  )
  return {
    records,
    faults,
    partitions: partitions.map((row) => ({
      ...place(row),
      startOffset: Number(row.start_offset),
      sizeBytes: Number(sizes.get(row.number) ?? 0),
    })),
    group: (name) =>
      groupFiles(
        progress.filter(({ group }) => group === name),
        entries.filter((entry) => (entry as Row).group_name === name),
        faults,
      ),
  }
}

/** Reads a user's database. */
export function readDatabaseFile(path: string): DatabaseFile {
  const rows = (sql: string) => {
    using database = new DatabaseSync(path, { readOnly: true })
    return database.prepare(sql).all() as Row[]
  }
  const faults = integrityFaults(rows)
  // Killed before it made our tables.
  if (rows(`select 1 from sqlite_schema where name = 'millrace_meta'`).length === 0) return emptyDatabase(rows)
  const checkpoints = rows('select * from millrace_checkpoint where position is not null')
  const entries = rows('select * from millrace_store')
  const outbox = rows('select * from millrace_outbox order by number')
  return {
    id: String(rows(`select value from millrace_meta where name = 'database-id'`)[0]?.value),
    rows,
    faults,
    outbox: outbox.map((row) => ({
      number: Number(row.number),
      topic: String(row.topic),
      key: textOf(row.key),
      value: textOf(row.value),
      headers: new Map(JSON.parse(String(row.headers ?? '[]')) as [string, string][]),
    })),
    group: (name) =>
      groupFiles(
        checkpoints
          .filter((row) => row.group_name === name)
          .map((row) => ({ ...place(row), ...decodeProgress(Number(row.position), String(row.finished)) })),
        entries.filter((row) => row.group_name === name).map((row) => ({ ...row, ...place(row) })),
        faults,
      ),
  }
}

function emptyDatabase(rows: DatabaseFile['rows']): DatabaseFile {
  const none = new Set<string>()
  const group = () => ({ progress: [], parked: [], graves: [], redriven: none, discarded: none, cancelled: none })
  return { id: '', outbox: [], group, faults: [], rows: (sql) => (/ from \w+/.test(sql) ? [] : rows(sql)) }
}

function integrityFaults(rows: (sql: string) => Row[]): string[] {
  const [answer] = rows('pragma integrity_check')
  return answer?.integrity_check === 'ok' ? [] : [`SQLite finds the file damaged: ${JSON.stringify(answer)}`]
}

function readPartition(database: DatabaseSync, partition: Row, faults: string[]): LogRecord[] {
  const batches = database.prepare('select * from batch where partition = ? order by base_offset')
  const records: LogRecord[] = []
  let end = 0
  for (const row of batches.all(Number(partition.number)) as Row[]) {
    const where = `${partition.topic}/${partition.partition} at ${row.base_offset}`
    try {
      const isCompacted = partition.compacted === 1
      const { baseOffset, lastOffset, records: found } = decodeBatch(row.bytes as Uint8Array, { isCompacted })
      if (baseOffset !== row.base_offset || lastOffset !== row.last_offset)
        faults.push(`${where}: the offsets of the batch are not those of its row`)
      if (Number(row.base_offset) < end) faults.push(`${where}: the batch overlaps the one before it`)
      end = Number(row.last_offset) + 1
      for (const record of found) records.push({ ...place(partition), ...record })
    } catch (error) {
      faults.push(`${where}: ${(error as Error).message}`)
    }
  }
  return records
}

/** Marks by their times, ids of tasks, the position among the commands. */
const otherMarks = new Set(['R', 'd', 'D', 'p'])

function groupFiles(progress: readonly Progress[], entries: readonly Row[], faults: string[]): GroupFiles {
  const heads = new Map<string, ParkedRecord>()
  const bodies = new Map<string, string>()
  const marks = { redriven: new Set<string>(), discarded: new Set<string>(), cancelled: new Set<string>() }
  for (const entry of entries.filter(({ store }) => store === 'parked')) {
    const key = Buffer.from(entry.key as Uint8Array)
    const value = Buffer.from(entry.value as Uint8Array)
    const at = `${entry.topic}/${entry.partition} ${key.toString('hex', 1)}`
    const mark = key.toString('latin1', 0, 1)
    if (mark === 'r') {
      const outcome = value.toString().split(' ')[1]
      if (outcome === 'redriven' || outcome === 'discarded') marks[outcome].add(key.toString('utf8', 1))
      else faults.push(`a death of which nobody knows what became: ${at} ${value}`)
    } else if (mark === 'c') marks.cancelled.add(`${entry.partition}/${key.readBigUInt64BE(1)}`)
    else if (mark === 'h') {
      const head = JSON.parse(value.toString()) as Pick<ParkedRecord, 'id' | 'offset' | 'reason' | 'death'>
      heads.set(at, { ...head, ...place(entry), sequence: key.readBigUInt64BE(1) })
    } else if (mark === 'b') bodies.set(at, decodeBatch(value).records[0]!.headers.get('millrace-id') ?? '')
    else if (!otherMarks.has(mark)) faults.push(`a store entry that nobody knows: ${at}`)
  }
  for (const [at, { id, reason }] of heads)
    if (reason !== 'dead' && bodies.get(at) !== id) faults.push(`the parked record ${at} has no body of its own`)
  for (const at of bodies.keys()) if (!heads.has(at)) faults.push(`the parked body ${at} has no head`)
  const all = [...heads.values()].toSorted((a, b) => Number(a.sequence - b.sequence))
  const isGrave = ({ reason }: ParkedRecord) => reason === 'dead'
  return { progress, parked: all.filter((record) => !isGrave(record)), graves: all.filter(isGrave), ...marks }
}

/** `m1:` and base64 of varints: the gap before each finished run, and its length less one. */
function decodeProgress(position: number, metadata: string): { position: number; finished: ReadonlySet<number> } {
  const finished = new Set<number>()
  const bytes = metadata.startsWith('m1:') ? Buffer.from(metadata.slice(3), 'base64') : Buffer.alloc(0)
  const numbers: number[] = []
  for (let at = 0, value = 0, scale = 1; at < bytes.length; at++) {
    value += (bytes[at]! & 127) * scale
    scale *= 128
    if (bytes[at]! >= 128) continue
    numbers.push(value)
    value = 0
    scale = 1
  }
  let next = position
  for (let index = 0; index + 1 < numbers.length; index += 2) {
    next += numbers[index]!
    for (let left = numbers[index + 1]! + 1; left > 0; left--) finished.add(next++)
  }
  return { position, finished }
}

function place({ topic, partition }: Row): { readonly topic: string; readonly partition: number } {
  return { topic: String(topic), partition: Number(partition) }
}
function textOf(value: unknown): string | null {
  return value === null || value === undefined
    ? null
    : typeof value === 'string'
      ? value
      : Buffer.from(value as Uint8Array).toString()
}
