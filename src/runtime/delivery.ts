import type { RecordCursor } from '../log/records/record-batch.ts'
import type { AnyDefinition } from '../topics/types.ts'
import type { Route } from './consumer-specification.ts'
import type { LaneEntry, Limit } from './lanes.ts'
import type { UnfinishedOffset } from './offset-tracker.ts'
import type { PartitionTask } from './partition-task.ts'

/** A batch in memory because of records that are not finished. */
export interface HeldBatch {
  /** How many there are. */
  records: number
  readonly bytes: number
}

/** One record on its way through a component: from the fetch until it is finished or given back. */
export interface Delivery extends LaneEntry {
  readonly task: PartitionTask
  readonly source: AnyDefinition
  /** In its partition's tracker. */
  readonly entry: UnfinishedOffset
  /** For what is read lazily: headers. It goes on to other records; `bookmark` leads back to this one. */
  readonly cursor: RecordCursor
  readonly bookmark: number
  readonly timestampMs: number
  readonly key: string | null
  /** Decoded and validated; the key of a tombstone. */
  readonly event: unknown
  readonly held: HeldBatch
  readonly id: string
  readonly traceparent: string | undefined
  readonly route: Route
  readonly limit: Limit | undefined
  /** The number of the attempt that runs or comes next: 1 at first. */
  attempt: number
  /** When the next attempt is due, while it is parked. */
  dueMs: number | undefined
}
