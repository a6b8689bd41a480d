import { FaultList } from '../../core/faults.ts'
import type { DeleteBefore, GroupDescription, MemberDescription, PartitionDescription } from '../admin.ts'
import type { CommittedOffset, TopicPartition } from '../log.ts'
import { BatchRemoval } from './batch-removal.ts'
import { appendedBytes } from './batch-store.ts'
import { reading, type SqlDatabase, type SqlStatement } from './database.ts'
import type { PartitionState } from './partition-state.ts'
import type { TopicTable } from './topics.ts'

/** What the log lends to its administration. */
export interface AdministrationContext {
  readonly database: SqlDatabase
  readonly path: string
  readonly topics: TopicTable
  /** Living members by group. */
  members(): ReadonlyMap<string, readonly MemberDescription[]>
  /** A transaction between those of the commits. */
  change<T>(work: () => T): Promise<T>
  /** Resolves when all that was written before the call is on disk. */
  durable(): Promise<void>
}

type OffsetRow = [group: string, topic: string, partition: number, position: number, metadata: string]

/** What operators ask of the file: see `LogAdmin`. */
export class Administration {
  readonly #context: AdministrationContext
  readonly #removal: BatchRemoval
  readonly #size: SqlStatement
  readonly #offsets: SqlStatement

  constructor(context: AdministrationContext) {
    this.#context = context
    this.#removal = new BatchRemoval(context.database, context.path)
    this.#size = context.database.prepare(
      `SELECT ${appendedBytes('?1')} - removed_bytes FROM partition WHERE number = ?1`,
    )
    this.#offsets = context.database.prepare(
      `SELECT o."group", t.name, p.partition, o.position, o.metadata
       FROM committed_offset o JOIN partition p ON p.number = o.partition JOIN topic t ON t.number = p.topic
       ORDER BY o."group", t.name, p.partition`,
    )
  }

  describePartitions(topics: readonly string[]): readonly PartitionDescription[] {
    const partitions = topics.flatMap((topic) => this.#context.topics.topic(topic).partitions)
    return partitions.map((state) => {
      const { topic, partition, start, durableEnd } = state
      return { topic, partition, start, end: durableEnd, sizeBytes: this.#sizeOf(state) }
    })
  }

  async describeGroups(asked: readonly string[] | undefined): Promise<readonly GroupDescription[]> {
    const members = this.#context.members()
    const offsets = Map.groupBy(this.#readOffsets(), ({ group }) => group)
    // What was read may not be on disk yet, and is told to nobody before it is.
    await this.#context.durable()
    const names = asked ?? [...new Set([...offsets.keys(), ...members.keys()])].sort()
    return names.map((group) => ({
      group,
      members: members.get(group) ?? [],
      offsets: (offsets.get(group) ?? []).map(({ group: _, ...offset }) => offset),
    }))
  }

  async deleteRecords(partitions: readonly DeleteBefore[]): Promise<readonly number[]> {
    const faults = new FaultList()
    for (const [index, { before }] of partitions.entries()) {
      const message = `expected an offset, a whole number from 0, not ${before}`
      faults.expect(Number.isSafeInteger(before) && before >= 0, `${index}.before`, message)
    }
    faults.throwIfAny('Records cannot be deleted')
    const asked = partitions.map((each) => ({ state: this.#context.topics.partition(each), before: each.before }))
    const starts: number[] = []
    for (const { state, before } of asked) starts.push(await this.#deleteBefore(state, before))
    await this.#context.durable()
    return starts
  }

  async #deleteBefore(state: PartitionState, asked: number): Promise<number> {
    const before = Math.min(asked, state.durableEnd)
    for (let more = state.start < before; more; ) {
      const slice = await this.#context.change(() => {
        const removed = this.#removal.removeSlice(state, { before, mayGo: () => true })
        if (removed.more) return removed
        this.#removal.setStart(state, before)
        return { ...removed, start: before }
      })
      more = slice.more
      state.setStart(slice.start)
    }
    return state.start
  }

  #sizeOf(state: PartitionState): number {
    return reading(this.#context.path, () => (this.#size.get(state.number) as [number])[0])
  }

  #readOffsets(): readonly (TopicPartition & CommittedOffset & { readonly group: string })[] {
    const rows = reading(this.#context.path, () => this.#offsets.all() as OffsetRow[])
    return rows.map(([group, topic, partition, position, metadata]) => {
      return { group, topic, partition, position, metadata }
    })
  }
}
