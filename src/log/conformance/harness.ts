import { randomBytes } from 'node:crypto'
import type {
  GroupListener,
  Lease,
  Log,
  Member,
  Reader,
  StagedBatch,
  TopicPartition,
  TopicSpecification,
} from '../log.ts'
import { BatchWriter, type RecordFields } from '../records/batch-writer.ts'
import { until } from './until.ts'

/** How the suite gets at an engine. */
export interface EngineHarness {
  /** A log that the test may use alone, or one that is shared: tests use topics and groups of their own. */
  open(): Promise<Log>
  /** The same log once more, after `closed` was closed. */
  reopen(closed: Log): Promise<Log>
  /** The same log once more while `log` is open, as another process opens it; absent where one at a time can have it. */
  openAnother?(log: Log): Promise<Log>
  /** Behaviours that this engine does not have. */
  readonly differences?: readonly Difference[]
}
/** A behaviour that an engine does not have: declared, explained, and what it does instead is checked. */
export interface Difference {
  /** Exactly the title of the behaviour. */
  readonly title: string
  readonly reason: string
  instead(trial: Trial): Promise<void>
}

/** A record as it is read back; bytes as text, null kept. */
export interface ReadRecord extends TopicPartition {
  readonly offset: number
  readonly timestampMs: number
  readonly key: string | null
  readonly value: string | null
  readonly headers: readonly (readonly [string, string | null])[]
}

/** Fields that a test does not care about: a fixed time, no key, no headers. */
export function record(fields: Partial<RecordFields> | string): RecordFields {
  const given = typeof fields === 'string' ? { value: fields } : fields
  return { timestampMs: 1_700_000_000_000, key: null, value: null, ...given }
}
export function staged(partition: TopicPartition, ...records: (Partial<RecordFields> | string)[]): StagedBatch {
  const writer = new BatchWriter()
  for (const each of records) writer.append(record(each))
  return { topic: partition.topic, partition: partition.partition, batch: writer.finish() }
}

/** A member that notes what it is told. */
export interface TestMember {
  readonly member: Member
  /** Told of and not yet revoked or lost. */
  readonly held: ReadonlyMap<string, Lease>
  readonly told: readonly string[]
  readonly failure: Error | undefined
}

/** Of a topic that a test makes. */
type TopicOptions = Pick<TopicSpecification, 'compacted' | 'retention'>

/** One test of a behaviour: its log, its names and the usual moves. */
export class Trial {
  log: Log
  readonly #harness: EngineHarness
  readonly #suffix = randomBytes(6).toString('hex')
  readonly #others: Trial[] = []
  #names = 0

  constructor(harness: EngineHarness, log: Log) {
    this.#harness = harness
    this.log = log
  }

  /** A name that no other test uses. */
  name(what: string): string {
    return `${what}-${this.#suffix}-${++this.#names}`
  }

  async topic(partitions = 1, options: TopicOptions = {}): Promise<readonly TopicPartition[]> {
    const topic = this.name('topic')
    await this.log.ensureTopics([{ name: topic, partitions, exact: true, ...options }])
    return Array.from({ length: partitions }, (_, partition) => ({ topic, partition }))
  }

  /** A topic of one partition. */
  async partition(options: TopicOptions = {}): Promise<TopicPartition> {
    const [partition] = await this.topic(1, options)
    return partition!
  }

  /** Of one topic. */
  async twoPartitions(): Promise<readonly [TopicPartition, TopicPartition]> {
    const [one, other] = await this.topic(2)
    return [one!, other!]
  }

  /** Commits the records as one batch. Returns the offset of the first. */
  async append(partition: TopicPartition, ...records: (Partial<RecordFields> | string)[]): Promise<number> {
    const [offset] = await this.log.commit({ batches: [staged(partition, ...records)] })
    return offset!
  }

  async end(partition: TopicPartition): Promise<number> {
    const [end] = await this.log.offsets('end', [partition])
    return end!
  }

  async committed(group: string, partition: TopicPartition) {
    const [committed] = await this.log.committed(group, [partition])
    return committed
  }

  reader(...partitions: readonly TopicPartition[]): Reader {
    const reader = this.log.createReader()
    for (const partition of partitions) reader.assign(partition, 0)
    return reader
  }

  /** All records up to the end as it is now, in the order of delivery. */
  async readAll(...partitions: readonly TopicPartition[]): Promise<ReadRecord[]> {
    const reader = this.reader(...partitions)
    const ends = await this.log.offsets('end', partitions)
    const records: ReadRecord[] = []
    await until(`reading ${partitions[0]?.topic} to its end`, async () => {
      if (partitions.every((partition, index) => reader.position(partition) >= ends[index]!)) return true
      records.push(...(await poll(reader)))
      return false
    })
    await reader.close()
    return records
  }

  /** Joins, and notes. `listener` replaces what is done on a call; the note is made first. */
  async join(group: string, topics: readonly string[], listener: Partial<GroupListener> = {}): Promise<TestMember> {
    const held = new Map<string, Lease>()
    const told: string[] = []
    let failure: Error | undefined
    const release = (leases: readonly Lease[]) => {
      for (const lease of leases) held.delete(place(lease))
    }
    const member = await this.log.join({
      group,
      topics,
      listener: {
        assigned: async (leases) => {
          for (const lease of leases) held.set(place(lease), lease)
          told.push(`assigned ${leases.length}`)
          await listener.assigned?.(leases)
        },
        revoked: async (leases) => {
          told.push(`revoked ${leases.length}`)
          await listener.revoked?.(leases)
          release(leases)
        },
        lost: (leases) => {
          told.push(`lost ${leases.length}`)
          release(leases)
          listener.lost?.(leases)
        },
        failed: (error) => {
          failure = error
          held.clear()
          listener.failed?.(error)
        },
      },
    })
    return {
      member,
      held,
      told,
      get failure() {
        return failure
      },
    }
  }

  /** The same log, open a second time, with the moves of a trial. It is closed with this one. */
  async another(): Promise<Trial> {
    const log = await this.#harness.openAnother!(this.log)
    const other = new Trial(this.#harness, log)
    this.#others.push(other)
    return other
  }

  async close(): Promise<void> {
    for (const other of this.#others) await other.close()
    await this.log.close()
  }

  /** Closes the log and opens it again. */
  async reopen(): Promise<void> {
    await this.log.close()
    this.log = await this.#harness.reopen(this.log)
  }
}

export function place({ topic, partition }: TopicPartition): string {
  return `${topic}/${partition}`
}

/** One poll's records, those before the position left out. */
export async function poll(reader: Reader, options: { readonly maxBytes?: number } = {}): Promise<ReadRecord[]> {
  const records: ReadRecord[] = []
  for (const { topic, partition, from, batches } of await reader.poll(options)) {
    for (const batch of batches) {
      const cursor = batch.records()
      while (cursor.next()) {
        if (cursor.offset < from) continue
        const headers = cursor.headers().map(([name, value]) => [name, value?.toString() ?? null] as const)
        const { offset, timestampMs } = cursor
        records.push({
          topic,
          partition,
          offset,
          timestampMs,
          key: cursor.keyText(),
          value: cursor.valueText(),
          headers,
        })
      }
    }
  }
  return records
}

/** Polls until `count` records came. */
export async function take(reader: Reader, count: number): Promise<ReadRecord[]> {
  const records: ReadRecord[] = []
  await until(`${count} records`, async () => {
    if (records.length < count) records.push(...(await poll(reader)))
    return records.length >= count
  })
  return records
}

export const values = (records: readonly ReadRecord[]) => records.map(({ value }) => value)

/** A title, a sentence in the present tense, and what shows it. */
export type Behaviours = Readonly<Record<string, (trial: Trial) => Promise<void>>>
