/**
 * What operators ask of a log: how large it is, which groups there are and how far they came, and whether the machine
 * under it does well. A part of `Log`; the conventions of `Log` for unknown topics and a closed log hold here too.
 */
import type { CommittedOffset, TopicPartition } from './log.ts'

/** One partition as it is stored. */
export interface PartitionDescription extends TopicPartition {
  /** First offset there is. */
  readonly start: number
  /** The position after the last committed record. */
  readonly end: number
  /** Of its batches as they are stored, what is below `start` in the first of them included. */
  readonly sizeBytes: number
}

/** One member of a group, in whatever process. */
export interface MemberDescription {
  readonly id: string
  /** For people: which process on which machine. */
  readonly process: string
  readonly topics: readonly string[]
  /** What it holds now. */
  readonly partitions: readonly TopicPartition[]
}

/** A group: its living members, and how far it came. A group without members is known by its offsets. */
export interface GroupDescription {
  readonly group: string
  readonly members: readonly MemberDescription[]
  readonly offsets: readonly (TopicPartition & CommittedOffset)[]
}

/** Up to where records of a partition are deleted. */
export interface DeleteBefore extends TopicPartition {
  /** First offset that stays; one above the end means the end. */
  readonly before: number
}

/** One line of a diagnosis. */
export interface Finding {
  /** What was looked at: `SQLite`, `write-ahead log`, `member 3f…`. */
  readonly subject: string
  /** What was found, with units. */
  readonly value: string
  readonly verdict: 'good' | 'notice' | 'bad'
  /** What to do; where the verdict is not `good`. */
  readonly advice?: string
}

/** Every method tells what is committed and durable, of all processes that use the log. */
export interface LogAdmin {
  /** All partitions of these topics, in their order. (Kafka: ListOffsets, DescribeLogDirs.) */
  describePartitions(topics: readonly string[]): Promise<readonly PartitionDescription[]>
  /**
   * These groups in their order, or all by name. One that nobody knows has no members and no offsets.
   * (Kafka: DescribeGroups, OffsetFetch.)
   */
  describeGroups(groups?: readonly string[]): Promise<readonly GroupDescription[]>
  /**
   * Deletes the records below `before` in each partition. Resolves with the first offsets that there are then, when that
   * is durable; where it fails, some may be deleted. Who reads below them goes on there; a committed position below them
   * stays, and means the start. (Kafka: DeleteRecords.)
   */
  deleteRecords(partitions: readonly DeleteBefore[]): Promise<readonly number[]>
  /** Looks at everything that can be wrong with the log and with the machine under it; takes up to a second or two. */
  diagnose(): Promise<readonly Finding[]>
}
