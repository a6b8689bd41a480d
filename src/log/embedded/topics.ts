import { FaultList } from '../../core/faults.ts'
import type { NewId } from '../../core/ids.ts'
import { isName, nameRule } from '../../core/names.ts'
import { InvalidNameError, type TopicClash, TopicClashError, UnknownTopicError } from '../errors.ts'
import type { Retention, Topic, TopicPartition, TopicSpecification } from '../log.ts'
import type { SqlDatabase } from './database.ts'
import { PartitionState } from './partition-state.ts'

/** Kafka has no limit of its own; more is a mistake in one file. */
const maxPartitions = 10_000

/** A topic with its partitions, in memory. */
export interface TopicState {
  readonly number: number
  readonly id: string
  readonly name: string
  readonly compacted: boolean
  readonly partitions: readonly PartitionState[]
}

/**
 * The topics of the log and the state of their partitions, all in memory: read when the log is opened, and again when
 * another process made some.
 */
export class TopicTable {
  readonly #database: SqlDatabase
  readonly #ids: NewId
  readonly #byName = new Map<string, TopicState>()
  readonly #byNumber = new Map<number, PartitionState>()
  /** Highest number of a topic that is here. */
  #lastNumber = 0

  constructor(database: SqlDatabase, ids: NewId) {
    this.#database = database
    this.#ids = ids
    this.add(this.#read(0))
  }

  get all(): readonly TopicState[] {
    return [...this.#byName.values()]
  }

  /** By its number in the file. */
  byNumber(partition: number): PartitionState | undefined {
    return this.#byNumber.get(partition)
  }

  find(name: string): TopicState | undefined {
    return this.#byName.get(name)
  }

  /** Throws `UnknownTopicError`. */
  topic(name: string): TopicState {
    const topic = this.#byName.get(name)
    if (topic === undefined) throw new UnknownTopicError(name)
    return topic
  }

  /** Throws `UnknownTopicError`. */
  partition({ topic, partition }: TopicPartition): PartitionState {
    const { partitions } = this.topic(topic)
    const state = partitions[partition]
    if (state === undefined)
      throw new UnknownTopicError(topic, { partition: { asked: partition, count: partitions.length } })
    return state
  }

  /**
   * Which of the specifications have no topic yet. Throws for what cannot be made, all faults or all clashes together:
   * `InvalidNameError`, `InvalidOptionsError`, `TopicClashError`.
   */
  missing(specifications: readonly TopicSpecification[]): readonly TopicSpecification[] {
    checkSpecifications(specifications)
    const missing = new Map<string, TopicSpecification>()
    const clashes: TopicClash[] = []
    for (const asked of specifications) {
      const { name, partitions, exact, compacted } = asked
      const found = this.#byName.get(name) ?? missing.get(name)
      if (found === undefined) {
        missing.set(name, asked)
        continue
      }
      const count = typeof found.partitions === 'number' ? found.partitions : found.partitions.length
      if (exact && count !== partitions) clashes.push({ name, asked: partitions, found: count })
      if (compacted !== undefined && compacted !== (found.compacted ?? false)) clashes.push({ name, compacted })
    }
    if (clashes.length > 0) throw new TopicClashError(clashes)
    return [...missing.values()]
  }

  /**
   * Writes new topics, in the caller's transaction. They are there for others after `add`, to be called when it is
   * committed: nothing that can fail comes between, or the file would have topics that memory has not.
   */
  insert(specifications: readonly TopicSpecification[]): readonly TopicState[] {
    const topic = this.#database.prepare(
      'INSERT INTO topic (id, name, partitions, compacted) VALUES (?, ?, ?, ?) RETURNING number',
    )
    const partition = this.#database.prepare(
      'INSERT INTO partition (topic, partition, start_offset, end_offset) VALUES (?, ?, 0, 0)',
    )
    for (const { name, partitions, compacted = false } of specifications) {
      const [number] = topic.get(this.#ids(), name, partitions, compacted ? 1 : 0) as [number]
      for (let index = 0; index < partitions; index++) partition.run(number, index)
    }
    return this.#read(this.#lastNumber)
  }

  /** Takes up topics that `insert` returned. */
  add(topics: readonly TopicState[]): void {
    for (const topic of topics) {
      this.#byName.set(topic.name, topic)
      this.#lastNumber = Math.max(this.#lastNumber, topic.number)
      for (const partition of topic.partitions) this.#byNumber.set(partition.number, partition)
    }
  }

  /** Takes up topics that another process made since. They are empty here: what is in them is read as its other batches. */
  addMadeByOthers(): void {
    this.add(this.#read(this.#lastNumber, { empty: true }))
  }

  #read(after: number, { empty = false } = {}): readonly TopicState[] {
    type TopicRow = [number: number, id: string, name: string, compacted: number]
    const topics = this.#database
      .prepare('SELECT number, id, name, compacted FROM topic WHERE number > ? ORDER BY number')
      .all(after) as TopicRow[]
    const partitions = this.#database.prepare(`
      SELECT p.number, p.start_offset, p.end_offset, b.last_offset, b.highest_timestamp
      FROM partition p LEFT JOIN batch b ON b.number =
        (SELECT l.number FROM batch l WHERE l.partition = p.number ORDER BY l.last_offset DESC LIMIT 1)
      WHERE p.topic = ? ORDER BY p.partition`)
    type PartitionRow = [number: number, start: number, end: number, last: number | null, timestamp: number | null]
    return topics.map(([number, id, name, compacted]) => {
      const rows = partitions.all(number) as PartitionRow[]
      const states = rows.map(([partitionNumber, start, end, last, timestamp], partition) => {
        const topic = { topic: name, partition, number: partitionNumber, compacted: compacted === 1 }
        if (empty) return new PartitionState(topic, { start: 0, end: 0, highestTimestampMs: -1 })
        return new PartitionState(topic, {
          start,
          // The stored end counts only where it is past the last batch: a commit need not write it then.
          end: Math.max(end, last === null ? 0 : last + 1),
          highestTimestampMs: timestamp ?? -1,
        })
      })
      return { number, id, name, compacted: compacted === 1, partitions: states }
    })
  }
}

/** The topic as the port shows it. */
export function describeTopic(
  topic: TopicState,
  more: { readonly created: boolean; readonly retention: Retention },
): Topic {
  const { name, id, compacted, partitions } = topic
  return { name, id, partitions: partitions.length, compacted, ...more }
}

function checkSpecifications(specifications: readonly TopicSpecification[]): void {
  const faults = new FaultList()
  for (const [index, { name, partitions, retention }] of specifications.entries()) {
    if (!isName(name)) throw new InvalidNameError('topic', name, nameRule)
    faults.expect(
      Number.isSafeInteger(partitions) && partitions >= 1 && partitions <= maxPartitions,
      `${index}.partitions`,
      `topic '${name}' cannot have ${partitions} partitions: give a whole number from 1 to ${maxPartitions}`,
    )
    const { timeMs, bytes } = retention ?? {}
    const expected = `topic '${name}': expected a whole number from 1; leave it out for no limit`
    faults.expect(isLimit(timeMs), `${index}.retention.timeMs`, expected)
    faults.expect(isLimit(bytes), `${index}.retention.bytes`, expected)
  }
  faults.throwIfAny('The topics cannot be created')
}

function isLimit(limit: number | undefined): boolean {
  return limit === undefined || (Number.isSafeInteger(limit) && limit >= 1)
}
