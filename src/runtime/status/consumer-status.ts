import type { Outage } from '../circuit.ts'
import type { Delivery } from '../delivery.ts'
import type { FailureNote, ParkedRecord } from '../parking/parked-record.ts'
import type { PartitionTask } from '../partition-task.ts'

/** Keys of a partition that a status names, at most. */
const mostHeldKeys = 100

/** A key whose records wait, in order, for the first of them to be tried again. */
export interface HeldKey {
  /** null for a record without a key, which waits alone. */
  readonly key: string | null
  /** That wait: the one that failed and those behind it. */
  readonly records: number
  /** Why: the error of the last attempt, or what else it waits for. */
  readonly reason: string
  readonly offset: number
  readonly id: string
  /** The number of its next attempt. */
  readonly attempt: number
  /** When that is due, in milliseconds since the epoch; absent where it is dead, and is to be redriven or discarded. */
  readonly dueMs?: number
  readonly firstFailedAtMs?: number
}

/** What one partition of a member does at the moment. */
export interface PartitionStatus {
  readonly topic: string
  readonly partition: number
  /** The lowest offset that is not finished. */
  readonly position: number
  /** Taken and not finished, in memory. */
  readonly unfinished: number
  /** Handlers that run. */
  readonly running: number
  /** Between two attempts, and behind those, in the store or in memory. */
  readonly held: { readonly records: number; readonly keys: number }
  /** The held keys that are due first, at most a hundred. */
  readonly heldKeys: readonly HeldKey[]
  /** Before their time. */
  readonly delayed: { readonly records: number; readonly nextDueMs?: number }
  /** Tasks that were second copies of another, since this member has the partition. */
  readonly duplicates: number
  /** Keys and values in the store. */
  readonly storedBytes: number
  /** Why it takes nothing more from the log, or cannot put more aside; empty while all goes on. */
  readonly waiting: readonly string[]
}

/** What a member of a group does at the moment: a snapshot from memory, without a look at the log. */
export interface ConsumerStatus {
  readonly group: string
  /** Handlers that run, over all partitions. */
  readonly running: number
  readonly concurrency: number
  /** The reason that `pause` was given. */
  readonly pausedFor?: string
  /** What it waits for, by `pauseOn`. */
  readonly outage?: Outage
  /** Logs and databases that it waits for, in words; absent where it waits for none. */
  readonly storage?: readonly string[]
  /** That this member has now. */
  readonly partitions: readonly PartitionStatus[]
}

/** What of a consumer is looked at. */
export interface ConsumerView {
  readonly group: string
  readonly tasks: ReadonlyMap<string, PartitionTask>
  /** Deliveries between two attempts, or before their time, in memory. */
  readonly waiting: Iterable<Delivery>
  readonly running: number
  readonly pausedFor: string | undefined
  readonly outage: Outage | undefined
  /** Logs and databases that it waits for, in words. */
  readonly storage: readonly string[]
}
/** What of a consumer its status is made of. */
export interface StatusView extends ConsumerView {
  readonly concurrency: number
}

/** The status of a consumer; of each partition it looks at every record that waits. */
export function describeConsumer(view: StatusView): ConsumerStatus {
  const waiting = [...view.waiting]
  return {
    group: view.group,
    running: view.running,
    concurrency: view.concurrency,
    ...(view.pausedFor !== undefined && { pausedFor: view.pausedFor }),
    ...(view.outage !== undefined && { outage: view.outage }),
    ...(view.storage.length > 0 && { storage: view.storage }),
    partitions: Array.from(view.tasks.values(), (task) =>
      describePartition(
        task,
        waiting.filter((delivery) => delivery.task === task),
      ),
    ),
  }
}

function describePartition(task: PartitionTask, waiting: readonly Delivery[]): PartitionStatus {
  const { topic, partition, tracker, running, parking, waitsFor } = task
  const keys: HeldKey[] = []
  let heldRecords = 0
  let delayed = 0
  let nextDueMs = Number.POSITIVE_INFINITY
  const holdOne = (held: HeldKey) => {
    keys.push(held)
    heldRecords += held.records
  }
  for (const record of parking.records) {
    if (record.reason === 'delayed') {
      delayed++
      nextDueMs = Math.min(nextDueMs, record.dueMs)
    } else if (record.laneKey === null) holdOne(describeParked(record, waiting, 1))
  }
  for (const key of parking.heldKeys) {
    const behind = task.lanes.get(key)?.length ?? 0
    const first = parking.firstOf(key)!
    holdOne(describeParked(first, waiting, parking.countOf(key) + behind))
  }
  for (const { parked, laneKey, id, offset, attempt, dueMs, failure } of waiting) {
    // One without a time waits for the end of an outage; one from the store was counted.
    if (dueMs === undefined || parked !== undefined) continue
    if (failure === undefined) {
      delayed++
      nextDueMs = Math.min(nextDueMs, dueMs)
    } else {
      const behind = laneKey === null ? 0 : (task.lanes.get(laneKey)?.length ?? 0)
      holdOne(describeHeld({ laneKey, id, offset, attempt, dueMs }, failure, 1 + behind))
    }
  }
  return {
    topic,
    partition,
    position: tracker.position,
    unfinished: tracker.unfinished,
    running,
    held: { records: heldRecords, keys: keys.length },
    heldKeys: keys.sort((one, other) => (one.dueMs ?? 0) - (other.dueMs ?? 0)).slice(0, mostHeldKeys),
    delayed: { records: delayed, ...(delayed > 0 && { nextDueMs }) },
    duplicates: task.deduplication?.duplicates ?? 0,
    storedBytes: parking.sizeBytes,
    waiting: waitsFor,
  }
}

/** From the store, or back in memory where it waits for the store itself. */
function describeParked(record: ParkedRecord, waiting: readonly Delivery[], records: number): HeldKey {
  const { attempt, dueMs, failure } = waiting.find(({ parked }) => parked === record) ?? record
  return describeHeld({ ...record, attempt, dueMs: dueMs ?? 0 }, failure, records)
}

function describeHeld(
  { laneKey, id, offset, attempt, dueMs }: Pick<ParkedRecord, 'laneKey' | 'id' | 'offset' | 'attempt' | 'dueMs'>,
  failure: FailureNote | undefined,
  records: number,
): HeldKey {
  const reason = failure?.error ?? 'it is to be handled again'
  return {
    key: laneKey,
    records,
    reason,
    offset,
    id,
    attempt,
    ...(dueMs > 0 && { dueMs }),
    ...(failure !== undefined && { firstFailedAtMs: failure.firstFailedAtMs }),
  }
}
