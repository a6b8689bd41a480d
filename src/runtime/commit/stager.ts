import { invariant } from '../../core/errors.ts'
import type { StagedBatch, Topic } from '../../log/log.ts'
import { BatchWriter } from '../../log/records/batch-writer.ts'
import { partitionOfKey } from '../../topics/partitioner.ts'
import { type OutputMessage, placeBy } from './output.ts'

/** A batch that reaches this size is closed: brokers take 1 MiB by default. */
const fullBatchBytes = 900_000

/**
 * Puts messages into batches by partition, in the order of the calls: a keyed record where its key belongs, one without
 * a key to the partitions in turn. `take` hands the batches out and empties it.
 */
export class Stager {
  readonly #topicNamed: (name: string) => Topic | undefined
  readonly #rotation: KeylessRotation
  #topics = new Map<string, { readonly topic: Topic; readonly writers: (BatchWriter | undefined)[] }>()
  #closed: StagedBatch[] = []

  constructor(topicNamed: (name: string) => Topic | undefined, rotation: KeylessRotation) {
    this.#topicNamed = topicNamed
    this.#rotation = rotation
  }

  /** Throws `InvalidRecordError` and `BatchTooLargeError` of the codec; then it was not staged. Returns its partition. */
  add(message: OutputMessage): number {
    const { topic, writers } = this.#topic(message.topic)
    const key = placeBy(message)
    const partition = key === null ? this.#rotation.next(topic) : partitionOfKey(key, topic.partitions)
    let writer = writers[partition]
    if (writer === undefined) {
      writer = new BatchWriter()
      writers[partition] = writer
    }
    writer.append(message)
    if (writer.byteLength >= fullBatchBytes) {
      this.#closed.push({ topic: message.topic, partition, batch: writer.finish() })
    }
    return partition
  }

  take(): readonly StagedBatch[] {
    const batches = this.#closed
    this.#closed = []
    for (const [topic, { writers }] of this.#topics) {
      writers.forEach((writer, partition) => {
        if (writer !== undefined && writer.count > 0) batches.push({ topic, partition, batch: writer.finish() })
      })
    }
    return batches
  }

  #topic(name: string): { readonly topic: Topic; readonly writers: (BatchWriter | undefined)[] } {
    let known = this.#topics.get(name)
    if (known === undefined) {
      const topic = this.#topicNamed(name)
      invariant(topic !== undefined, `topic '${name}' was not ensured before something was staged for it`)
      known = { topic, writers: new Array<BatchWriter | undefined>(topic.partitions) }
      this.#topics.set(name, known)
    }
    return known
  }
}

/** Some records for one partition before the next is taken: whole batches rather than one record for each partition. */
const keylessRun = 64

/** Spreads records without a key: runs of them to each partition in turn (Kafka's sticky partitioner, KIP-480). */
export class KeylessRotation {
  readonly #turns = new Map<string, { partition: number; left: number }>()

  next({ name, partitions }: Topic): number {
    let turn = this.#turns.get(name)
    if (turn === undefined) {
      turn = { partition: 0, left: keylessRun }
      this.#turns.set(name, turn)
    } else if (turn.left === 0) this.#advance(turn, partitions)
    turn.left--
    return turn.partition
  }

  /** A unit has ended: the next one begins with the next partition, so that single records are spread as well. */
  endUnit(): void {
    for (const turn of this.#turns.values()) turn.left = 0
  }

  #advance(turn: { partition: number; left: number }, partitions: number): void {
    turn.partition = (turn.partition + 1) % partitions
    turn.left = keylessRun
  }
}
