import type { TopicPartition } from '../log.ts'
import { PartitionTail } from './tail-cache.ts'

/** Told when a partition has something new to read. */
export interface PartitionListener {
  advanced(): void
}

/**
 * One partition in memory. A commit moves `writtenEnd`; once it is on disk `durableEnd` follows, and only what lies
 * below that is shown to anybody (Kafka's high watermark): nobody acts on a record that a power cut could take back.
 */
export class PartitionState implements TopicPartition {
  readonly topic: string
  readonly partition: number
  /** Its number in the file. */
  readonly number: number
  readonly compacted: boolean
  #start: number
  writtenEnd: number
  durableEnd: number
  /** Largest timestamp of any record that was ever written, -1 before the first. */
  highestTimestampMs: number
  readonly tail: PartitionTail
  readonly listeners = new Set<PartitionListener>()

  constructor(
    identity: TopicPartition & { readonly number: number; readonly compacted: boolean },
    stored: { readonly start: number; readonly end: number; readonly highestTimestampMs: number },
  ) {
    this.topic = identity.topic
    this.partition = identity.partition
    this.number = identity.number
    this.compacted = identity.compacted
    this.#start = stored.start
    this.writtenEnd = stored.end
    this.durableEnd = stored.end
    this.highestTimestampMs = stored.highestTimestampMs
    this.tail = new PartitionTail(stored.end)
  }

  /** First offset there is. */
  get start(): number {
    return this.#start
  }

  /** What lies below is deleted; readers that are below it go on there. */
  setStart(start: number): void {
    this.#start = Math.max(this.#start, start)
  }

  /** Everything below `end` is durable: wakes those that wait for it. */
  advance(end: number): void {
    this.durableEnd = end
    for (const listener of this.listeners) listener.advanced()
  }
}
