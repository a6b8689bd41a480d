import type { SqlDatabase, SqlStatement } from '../database.ts'
import type { PartitionState } from '../partition-state.ts'
import type { TopicTable } from '../topics.ts'
import type { Publications } from './publications.ts'

type Revision = [topics: number, groups: number, batches: number]
type NewBatch = [number: number, partition: number, baseOffset: number, lastOffset: number, highestTimestamp: number]
type Bounds = [
  partition: number,
  start: number,
  end: number,
  lastOffset: number | null,
  highestTimestamp: number | null,
]

/**
 * What other processes commit to the file. `takeUp` notices it by SQLite's `data_version` and reads what changed: topics
 * and groups at once, ends of partitions into `writtenEnd`; they are shown when an fsync of this process has covered
 * them, since the other one may not have made them durable yet.
 */
export class ForeignWrites {
  readonly #topics: TopicTable
  readonly #publications: Publications
  readonly #groupsChanged: () => void
  readonly #dataVersion: SqlStatement
  readonly #revision: SqlStatement
  readonly #newBatches: SqlStatement
  readonly #bounds: SqlStatement
  readonly #lastBatch: SqlStatement
  #version: number
  #known: Revision
  /** Highest number of a batch that is known. */
  #lastNumber: number
  #seen = false
  #pending = 0

  constructor(options: {
    readonly database: SqlDatabase
    readonly topics: TopicTable
    readonly publications: Publications
    /** Members or leases were changed by another process. Called inside transactions too: reads alone. */
    readonly groupsChanged: () => void
  }) {
    const { database } = options
    this.#topics = options.topics
    this.#publications = options.publications
    this.#groupsChanged = options.groupsChanged
    this.#dataVersion = database.prepare('PRAGMA data_version')
    this.#revision = database.prepare('SELECT topics, groups, batches FROM revision')
    this.#newBatches = database.prepare(
      `SELECT number, partition, base_offset, last_offset, highest_timestamp FROM batch WHERE number > ? ORDER BY number`,
    )
    this.#bounds = database.prepare(
      `SELECT p.number, p.start_offset, p.end_offset, b.last_offset, b.highest_timestamp
       FROM partition p LEFT JOIN batch b ON b.number =
         (SELECT l.number FROM batch l WHERE l.partition = p.number ORDER BY l.last_offset DESC LIMIT 1)`,
    )
    this.#lastBatch = database.prepare('SELECT ifnull(max(number), 0) FROM batch')
    // All of it is read once: others may have committed since the topics were read.
    this.#version = -1
    this.#known = [-1, -1, -1]
    this.#lastNumber = 0
    this.takeUp()
    this.#seen = false
  }

  /** Another process has written since this log was opened: what memory holds is not all there is. */
  get seen(): boolean {
    return this.#seen
  }
  /** Entry of the publications up to which others' writes are waiting to be shown. */
  get pending(): number {
    return this.#pending
  }

  /** This process committed a batch of this number. */
  wrote(number: number): void {
    this.#lastNumber = Math.max(this.#lastNumber, number)
  }

  /** Reads what others committed since the last call; inside a transaction or outside. True when there was something. */
  takeUp(): boolean {
    // Read first: what is committed while the rest is read shows the next time.
    const [version] = this.#dataVersion.get() as [number]
    if (version === this.#version) return false
    const [topics, groups, batches] = this.#revision.get() as Revision
    if (topics !== this.#known[0]) this.#topics.addMadeByOthers()
    const moved = batches === this.#known[2] ? this.#readNewBatches() : this.#readAllBounds()
    // At once: they count as known now, whatever fails below.
    if (moved.size > 0) this.#pending = this.#publications.add(() => show(moved))
    this.#seen = true
    if (groups !== this.#known[1]) this.#groupsChanged()
    // Only now: what failed on the way is read again.
    this.#known = [topics, groups, batches]
    this.#version = version
    return true
  }

  #readNewBatches(): ReadonlyMap<PartitionState, number> {
    const moved = new Map<PartitionState, number>()
    for (const [number, partition, , lastOffset, highestTimestampMs] of this.#newBatches.all(
      this.#lastNumber,
    ) as NewBatch[]) {
      const state = this.#topics.byNumber(partition)
      this.#lastNumber = number
      if (state === undefined || lastOffset < state.writtenEnd) continue
      state.writtenEnd = lastOffset + 1
      state.highestTimestampMs = Math.max(state.highestTimestampMs, highestTimestampMs)
      moved.set(state, state.writtenEnd)
    }
    return moved
  }

  /** Batches were deleted, perhaps such as were never seen: the numbers say nothing, the bounds are read anew. */
  #readAllBounds(): ReadonlyMap<PartitionState, number> {
    const moved = new Map<PartitionState, number>()
    const [lastNumber] = this.#lastBatch.get() as [number]
    for (const [partition, start, storedEnd, lastOffset, highestTimestampMs] of this.#bounds.all() as Bounds[]) {
      const state = this.#topics.byNumber(partition)
      if (state === undefined) continue
      state.setStart(start)
      const end = Math.max(storedEnd, lastOffset === null ? 0 : lastOffset + 1)
      state.highestTimestampMs = Math.max(state.highestTimestampMs, highestTimestampMs ?? -1)
      if (end <= state.writtenEnd) continue
      state.writtenEnd = end
      moved.set(state, end)
    }
    this.#lastNumber = lastNumber
    return moved
  }
}

function show(moved: ReadonlyMap<PartitionState, number>): void {
  for (const [partition, end] of moved) {
    // They are not in the tail's memory: it begins again behind them.
    partition.tail.skipTo(end)
    partition.advance(end)
  }
}
