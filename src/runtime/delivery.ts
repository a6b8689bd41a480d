import type { RecordFields } from '../log/records/batch-writer.ts'
import type { RecordCursor } from '../log/records/record-batch.ts'
import type { AnyDefinition } from '../topics/types.ts'
import type { UnfinishedOffset } from './commit/offset-tracker.ts'
import type { Route } from './consumer-specification.ts'
import type { LaneEntry, Limit } from './lanes.ts'
import type { FailureNote, ParkedRecord } from './parking/parked-record.ts'
import type { PartitionTask } from './partition-task.ts'

/** A batch in memory because of records that are not finished. */
export interface HeldBatch {
  /** How many there are. */
  records: number
  readonly bytes: number
}

/** One record on its way through a component: from the fetch, or from the store, until it is finished or given back. */
export interface Delivery extends LaneEntry {
  readonly task: PartitionTask
  readonly source: AnyDefinition
  readonly offset: number
  /** In its partition's tracker; undefined for one from the store, whose offset is finished. */
  entry: UnfinishedOffset | undefined
  /** In its partition's store. */
  parked: ParkedRecord | undefined
  /** For what is read lazily. It goes on to other records; `bookmark` leads back to this one. */
  readonly cursor: RecordCursor
  readonly bookmark: number
  /** Key and value, as stored. */
  readonly sizeBytes: number
  readonly timestampMs: number
  readonly key: string | null
  /** Decoded and validated; the key of a tombstone; undefined where it cannot be read. */
  readonly event: unknown
  readonly held: HeldBatch
  readonly id: string
  readonly traceparent: string | undefined
  readonly route: Route
  readonly limit: Limit | undefined
  /** The number of the attempt that runs or comes next: 1 at first. */
  attempt: number
  /** When the next attempt is due, while it is parked in memory. */
  dueMs: number | undefined
  failure: FailureNote | undefined
  /** It was given up for this, and could not be buried: it is not handled again. */
  verdict?: Error
  /** The first of its id: what finishes or parks it marks that. */
  isClaimed: boolean
  /** It is dead, and this keeps its place in its lane. */
  grave?: ParkedRecord
}

/** The record as it came. */
export function recordOf({ cursor, bookmark }: Delivery): RecordFields {
  const record = cursor.recordAt(bookmark)
  return {
    timestampMs: record.timestampMs,
    key: record.keyBytes(),
    value: record.valueBytes(),
    headers: record.headers(),
  }
}

/** Its headers, as text; of a repeated name the last one. */
export function headersOf({ cursor, bookmark }: Delivery): ReadonlyMap<string, string> {
  const headers = new Map<string, string>()
  for (const [name, value] of cursor.recordAt(bookmark).headers()) {
    if (value !== null) headers.set(name, value.toString('utf8'))
  }
  return headers
}
