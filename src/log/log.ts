/**
 * The log: Kafka's model in Kafka's words, and the only thing that the runtime knows of an engine.
 *
 * Offsets are numbers that rise and may skip; a *position* is the offset that is read next. Readers see only what is
 * committed and durable. Every method that names a topic that does not exist throws `UnknownTopicError`; after
 * `close()` every method throws `LogClosedError`, and what was waiting ends with it (a poll ends empty).
 */
import type { LogAdmin } from './admin.ts'
import type { EncodedBatch } from './records/batch-writer.ts'
import type { RecordBatch } from './records/record-batch.ts'

/** One partition of a topic. */
export interface TopicPartition {
  readonly topic: string
  readonly partition: number
}
/** How long records are kept; what is absent sets no limit. Kafka's `retention.ms` and `retention.bytes`. */
export interface Retention {
  /** Batches of records that are all older, by their own timestamps, are deleted. Milliseconds. */
  readonly timeMs?: number
  /** The oldest batches of each partition are deleted while those behind them come to so many bytes. */
  readonly bytes?: number
}
/** A topic as it is asked for. */
export interface TopicSpecification {
  readonly name: string
  readonly partitions: number
  /** The count was asked for: an existing topic with another count is a clash. Else the existing one is used as it is. */
  readonly exact: boolean
  /** Last value of each key only: a record without a key is refused (`KeyRequiredError`). */
  readonly compacted?: boolean
  /** Kept for ever by default: an embedded log deletes nothing that nobody asked it to. */
  readonly retention?: Retention
}
/** A topic as the log has it. */
export interface Topic {
  readonly name: string
  /** Another topic of the same name, after a deletion or in another log, has another id. */
  readonly id: string
  readonly partitions: number
  readonly compacted: boolean
  readonly retention: Retention
  /** This call created it. */
  readonly created: boolean
}

/**
 * Records for one partition, encoded and not yet sealed: the engine gives them their offsets. It may keep the bytes, so
 * nobody changes them; committing the same batch again, after a failure or to another partition, is fine.
 */
export interface StagedBatch extends TopicPartition {
  readonly batch: EncodedBatch
}
/** One tenure of a partition by a member. A commit names it, so that the commit of a zombie is fenced. */
export interface Lease extends TopicPartition {
  /** Differs from one tenure to the next, also when the same member gets the partition back. */
  readonly epoch: number
}
/** How far a group is in a partition. */
export interface CommittedOffset {
  readonly position: number
  /** Text of the component, at most 4,096 bytes; what is finished above `position`, for example. */
  readonly metadata: string
}
/** An offset with its partition. */
export interface OffsetCommit extends TopicPartition, CommittedOffset {}
/** The offsets of one group in a unit. */
export interface GroupCommit {
  readonly group: string
  /** Absent for a group without members (a relay): then nothing is fenced. */
  readonly member?: Member
  /** With a member each is of a lease of its own; a lease that has ended fences the unit. */
  readonly offsets: readonly (OffsetCommit & { readonly epoch?: number })[]
}
/** Changes of one partition of a store, in order. Keys sort by their bytes; a null value removes the key. */
export interface StoreChanges extends TopicPartition {
  readonly store: string
  readonly writes: readonly (readonly [key: Uint8Array, value: Uint8Array | null])[]
}
/** Which entries of a store are read: of one partition of a group's store, from `from` on, up to and without `to`. */
export interface StoreRange extends TopicPartition {
  readonly group: string
  readonly store: string
  readonly from: Uint8Array
  readonly to?: Uint8Array
  /** At most so many entries. */
  readonly limit: number
}
/** One key with its value. */
export type StoreEntry = readonly [key: Uint8Array, value: Uint8Array]
/** What commits together: all of it or nothing. */
export interface Unit {
  readonly batches?: readonly StagedBatch[]
  readonly offsets?: GroupCommit
  /** Of the group in `offsets`, whose leases fence them too. */
  readonly stores?: readonly StoreChanges[]
}

/** What a poll gives of one partition. */
export interface Fetched extends TopicPartition {
  /** Records below it were asked for by nobody: batches may begin before it. */
  readonly from: number
  /** Whole batches in order; none where only markers or compacted records were passed. */
  readonly batches: readonly RecordBatch[]
  /** Where the next fetch begins: past everything in `batches`, gaps included. */
  readonly position: number
}
/** Reads partitions from a position onwards. Not shared: one reader belongs to one loop. */
export interface Reader {
  /**
   * Begins to read a partition at `position`; of one that is read already it is a seek. A position below the first offset
   * there is means that one, for `seek` as well; at one above the end the partition waits until there is such an offset.
   */
  assign(partition: TopicPartition, position: number): void
  /** Stops; what was fetched and not yet polled is dropped. Unknown partitions are ignored. */
  unassign(partition: TopicPartition): void
  /** Reads on from `position`; what was fetched before is dropped. Throws `NotAssignedError`. */
  seek(partition: TopicPartition, position: number): void
  /** Until `resume`, polls skip the partition. Both are idempotent; partitions that are not assigned are ignored. */
  pause(partition: TopicPartition): void
  resume(partition: TopicPartition): void
  /** Where the next poll reads on: past what was delivered. Throws `NotAssignedError`. */
  position(partition: TopicPartition): number
  /**
   * What there is, of any partition that is not paused, fairly; waits while there is nothing. About `maxBytes` a
   * partition (1 MiB by default, always at least one batch); of all partitions together an engine may set a bound.
   * Empty when `wake()` or `close()` ended it. One poll at a time. Rejects for a batch whose bytes are damaged; then no
   * position has moved, and the next poll rejects too until that partition is sought past it, paused or unassigned.
   */
  poll(options?: { readonly maxBytes?: number }): Promise<readonly Fetched[]>
  /** Ends a waiting poll with nothing; where none waits, does nothing. */
  wake(): void
  /** Ends a waiting poll with nothing; afterwards polls, `assign` and `seek` throw `LogClosedError`. Idempotent. */
  close(): Promise<void>
}

/**
 * What a member is told, one call at a time. While one of them has not resolved, the group moves nothing more: none of
 * them may wait for `leave()` or `close()`. A rejection ends the membership at once, without a further revoke.
 */
export interface GroupListener {
  /** These are ours from now on. Not called for an assignment of nothing. */
  assigned(leases: readonly Lease[]): void | Promise<void>
  /** These move to another member when the promise resolves: finish and commit before it. Commits still succeed. */
  revoked(leases: readonly Lease[]): void | Promise<void>
  /** These are somebody else's already: commit nothing for them. */
  lost(leases: readonly Lease[]): void
  /** The membership ended by itself; it takes no part any more. Not called while `join` waits: that rejects then. */
  failed(error: Error): void
}
/** How a member joins. */
export interface GroupOptions {
  readonly group: string
  readonly topics: readonly string[]
  readonly listener: GroupListener
}
/** One member of a group. */
export interface Member {
  readonly id: string
  readonly group: string
  readonly leases: readonly Lease[]
  /** Revokes what it holds (awaited), then leaves: its partitions move at once. Idempotent. */
  leave(): Promise<void>
}

/** A log, open. */
export interface Log extends LogAdmin, AsyncDisposable {
  /** Identity of the log itself (a file, a cluster). A checkpoint elsewhere names it. */
  readonly id: string
  /** For people: where it is. */
  readonly location: string
  /** What a commit costs, about: decides how often to commit under load. */
  readonly commitCostMs: number
  /** Why commits wait, for people: another process keeps the write lock. Undefined while they go on. */
  readonly blockedBy?: string | undefined

  /**
   * Creates what is missing, durably. Of an existing topic the retention becomes what is asked for, where anything is
   * (`{}` for ever), as AlterConfigs does; another partition count, asked for exactly, or another `compacted` is a clash:
   * all clashes are thrown together (`TopicClashError`), and then nothing was created or changed.
   */
  ensureTopics(topics: readonly TopicSpecification[]): Promise<readonly Topic[]>
  topics(): Promise<readonly Topic[]>
  /** All or nothing, durable when it resolves. Returns the offset of the first record of each batch. Fenced: `FencedError`. */
  commit(unit: Unit): Promise<readonly number[]>
  createReader(): Reader
  /** Resolves when the first assignment was taken (it may be of no partition). Rejects with what `assigned` threw. */
  join(options: GroupOptions): Promise<Member>
  committed(group: string, partitions: readonly TopicPartition[]): Promise<readonly (CommittedOffset | undefined)[]>
  /** Entries of a group's store, in the order of their keys; as committed last. */
  readStore(range: StoreRange): Promise<readonly StoreEntry[]>
  /** First offset there is, the end (the position after the last committed record), or the first at or after a time (else the end). */
  offsets(of: 'start' | 'end' | Date, partitions: readonly TopicPartition[]): Promise<readonly number[]>
  /**
   * Ends polls and memberships (revokes are awaited; until then commits, `committed` and `offsets` still work), finishes
   * commits, frees the log. Idempotent.
   */
  close(): Promise<void>
}
