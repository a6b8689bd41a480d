import { mergeBatches, sealBatch } from '../records/batch-sealer.ts'
import type { EncodedBatch } from '../records/batch-writer.ts'
import type { BatchStore } from './batch-store.ts'
import type { CommittedOffsets, WrittenOffset } from './committed-offsets.ts'
import { isBusy, type SqlDatabase, toLogError } from './database.ts'
import type { PartitionState } from './partition-state.ts'
import type { Publications } from './sharing/publications.ts'
import type { Stores, WrittenStore } from './stores.ts'
import type { StoredBatch, TailCache } from './tail-cache.ts'

/** A unit whose topics and limits were checked. */
export interface PreparedUnit {
  readonly batches: readonly { readonly partition: PartitionState; readonly batch: EncodedBatch }[]
  readonly offsets: readonly WrittenOffset[]
  readonly stores: readonly WrittenStore[]
  /** Throws `FencedError` when a lease of the unit has ended. Called inside the transaction. */
  checkFence(): void
  readonly sizeInBytes: number
}
/** One transaction, written and not yet durable. */
export interface WrittenUnits {
  /** For each unit the offset of the first record of each batch, or why nothing of it was written. */
  readonly outcomes: readonly (readonly number[] | Error)[]
  /** To be called when it is durable: shows it to readers. */
  publish(): void
}

/** What the writer tells those who know of other processes, and asks of them. */
export interface Neighbours {
  /** A transaction has begun: memory is brought up to what others committed before it. */
  begun(): void
  /** It is committed; batches up to this number are known. */
  committed(lastBatchNumber: number): void
  /** Another process has SQLite's write lock. */
  blocked(): void
}

/** Batches of one commit for one partition become one row up to this size. */
const maxMergedBytes = 256 * 1024
/** What a row costs in the file beside its bytes, about. */
const pageBytes = 4096

/**
 * Writes units into the file, many in one transaction. A unit is admitted or refused as a whole before anything of any
 * unit is written, so that none needs a savepoint to undo it: what fails afterwards is the disk, and fails them all.
 */
export class UnitWriter {
  readonly #database: SqlDatabase
  readonly #path: string
  readonly #batches: BatchStore
  readonly #offsets: CommittedOffsets
  readonly #stores: Stores
  readonly #cache: TailCache
  readonly #offsetGap: number
  readonly #publications: Publications
  readonly #neighbours: Neighbours
  readonly #begin
  readonly #commit
  /** Batches whose bytes stand in the tail's memory: to seal one of them again would change it under its readers. */
  readonly #sealed = new WeakSet<EncodedBatch>()
  #pagesWritten = 0

  constructor(options: {
    readonly database: SqlDatabase
    readonly path: string
    readonly batches: BatchStore
    readonly offsets: CommittedOffsets
    readonly stores: Stores
    readonly cache: TailCache
    readonly offsetGap: number
    readonly publications: Publications
    readonly neighbours: Neighbours
  }) {
    this.#database = options.database
    this.#path = options.path
    this.#batches = options.batches
    this.#offsets = options.offsets
    this.#stores = options.stores
    this.#cache = options.cache
    this.#offsetGap = options.offsetGap
    this.#publications = options.publications
    this.#neighbours = options.neighbours
    this.#begin = options.database.prepare('BEGIN IMMEDIATE')
    this.#commit = options.database.prepare('COMMIT')
  }

  /** Pages that commits put into the WAL since the last call, about. */
  takePagesWritten(): number {
    const pages = this.#pagesWritten
    this.#pagesWritten = 0
    return pages
  }

  /**
   * Throws `LogFullError`, `LogBusyError` (nothing was written, the log goes on), `LogFailedError` or `LogDamagedError`
   * (it does not) for all units together.
   */
  write(units: readonly PreparedUnit[]): WrittenUnits {
    const plans = new Map<PartitionState, PartitionPlan>()
    const { outcomes, show } = this.transaction(() => this.#writeAll(units, plans))
    // Only now: a transaction that was rolled back has changed nothing in memory.
    for (const { partition, end, highestTimestampMs } of plans.values()) {
      partition.writtenEnd = end
      partition.highestTimestampMs = highestTimestampMs
    }
    const number = this.#publications.add(show)
    return { outcomes, publish: () => this.#publications.showUpTo(number) }
  }

  /** Runs `work` in a transaction of its own. What it throws undoes it; errors of SQLite come out as the log's. */
  transaction<T>(work: () => T): T {
    try {
      this.#batches.lastNumber = 0
      this.#begin.run()
      this.#neighbours.begun()
      const result = work()
      this.#commit.run()
      this.#neighbours.committed(this.#batches.lastNumber)
      return result
    } catch (error) {
      this.#rollBack()
      if (isBusy(error)) this.#neighbours.blocked()
      throw toLogError(this.#path, error)
    }
  }

  #rollBack(): void {
    try {
      // After some errors SQLite has rolled back by itself.
      if (this.#database.isTransaction) this.#database.exec('ROLLBACK')
    } catch (error) {
      throw toLogError(this.#path, error)
    }
  }

  #writeAll(units: readonly PreparedUnit[], plans: Map<PartitionState, PartitionPlan>) {
    const offsets: WrittenOffset[] = []
    const stores: WrittenStore[] = []
    const outcomes = units.map((unit) => {
      try {
        unit.checkFence()
      } catch (error) {
        if (error instanceof Error) return error
        throw error
      }
      offsets.push(...unit.offsets)
      stores.push(...unit.stores)
      return unit.batches.map(({ partition, batch }) => this.#planFor(plans, partition).add(batch))
    })
    for (const plan of plans.values()) this.#writeRows(plan)
    for (const offset of offsets) this.#offsets.write(offset)
    for (const store of stores) this.#pagesWritten += 1 + Math.ceil(this.#stores.write(store) / pageBytes)
    this.#pagesWritten += 2 + offsets.length
    return {
      outcomes,
      show: () => {
        for (const plan of plans.values()) this.#publish(plan)
        for (const offset of offsets) this.#offsets.publish(offset)
      },
    }
  }

  #planFor(plans: Map<PartitionState, PartitionPlan>, partition: PartitionState): PartitionPlan {
    let plan = plans.get(partition)
    if (plan === undefined) {
      plan = new PartitionPlan(partition, this.#offsetGap)
      plans.set(partition, plan)
    }
    return plan
  }

  #writeRows(plan: PartitionPlan): void {
    for (const row of plan.rows) {
      const bytes = this.#seal(row)
      const stored = { baseOffset: row.baseOffset, lastOffset: row.baseOffset + row.count - 1, bytes }
      plan.highestTimestampMs = Math.max(plan.highestTimestampMs, ...row.batches.map((batch) => batch.maxTimestampMs))
      this.#batches.insert(plan.partition, { ...stored, highestTimestampMs: plan.highestTimestampMs })
      plan.stored.push(stored)
      this.#pagesWritten += 1 + Math.ceil(bytes.length / pageBytes)
    }
    if (this.#offsetGap > 0) this.#batches.setEnd(plan.partition, plan.end)
  }

  #seal(row: PlannedRow): Buffer {
    let batch = mergeBatches(row.batches)
    if (this.#sealed.has(batch)) batch = { ...batch, bytes: Buffer.from(batch.bytes) }
    this.#sealed.add(batch)
    return sealBatch(batch, { baseOffset: row.baseOffset })
  }

  #publish(plan: PartitionPlan): void {
    for (const batch of plan.stored) this.#cache.append(plan.partition.tail, batch)
    plan.partition.advance(plan.end)
  }
}

interface PlannedRow {
  readonly baseOffset: number
  readonly batches: EncodedBatch[]
  bytes: number
  count: number
}

/** What one transaction adds to one partition: batches gathered into rows, with their offsets. */
class PartitionPlan {
  readonly partition: PartitionState
  readonly rows: PlannedRow[] = []
  readonly stored: StoredBatch[] = []
  highestTimestampMs: number
  end: number
  readonly #offsetGap: number

  constructor(partition: PartitionState, offsetGap: number) {
    this.partition = partition
    this.#offsetGap = offsetGap
    this.end = partition.writtenEnd
    this.highestTimestampMs = partition.highestTimestampMs
  }

  /** Returns the offset of the batch's first record. */
  add(batch: EncodedBatch): number {
    let row = this.rows.at(-1)
    if (row === undefined || row.bytes + batch.bytes.length > maxMergedBytes) {
      row = { baseOffset: this.end, batches: [], bytes: 0, count: 0 }
      this.rows.push(row)
    }
    const offset = row.baseOffset + row.count
    row.batches.push(batch)
    row.bytes += batch.bytes.length
    row.count += batch.count
    this.end = row.baseOffset + row.count + this.#offsetGap
    return offset
  }
}
