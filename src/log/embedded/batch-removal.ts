import { appendedBytes } from './batch-store.ts'
import { reading, type SqlDatabase, type SqlStatement } from './database.ts'
import type { PartitionState } from './partition-state.ts'

/** What one transaction deletes at most: SQLite reads every page that it frees. */
const sliceBytes = 8 * 1024 * 1024
/** How long a transaction may go on deleting: many small batches take longer than few large ones of the same bytes. */
const sliceMs = 8
/** Rows between two looks at the clock. */
const stepRows = 64

type OldBatch = [number: number, bytes: number, highestTimestamp: number]

/** A whole batch that may go, as seen by who decides it. */
export interface OldestBatch {
  readonly bytes: number
  /** Bytes of those before it that went in the same slice. */
  readonly removed: number
  /** Highest of the partition up to and including this batch. */
  readonly highestTimestampMs: number
}

/** What a slice did. */
export interface RemovedSlice {
  readonly start: number
  readonly removed: number
  /** There may be more to delete. */
  readonly more: boolean
}

/** Deletes the oldest batches of partitions, a bounded slice in each call. To be called inside a transaction. */
export class BatchRemoval {
  readonly #path: string
  readonly #oldest: SqlStatement
  readonly #first: SqlStatement
  readonly #base: SqlStatement
  readonly #delete: SqlStatement
  readonly #deleteTombstone: SqlStatement
  readonly #keepCount: SqlStatement
  readonly #setBounds: SqlStatement

  constructor(database: SqlDatabase, path: string) {
    this.#path = path
    const oldest = `SELECT number, length(bytes), highest_timestamp FROM batch
       WHERE partition = ? AND last_offset < ? ORDER BY last_offset`
    this.#oldest = database.prepare(`${oldest} LIMIT ${stepRows}`)
    this.#first = database.prepare(`${oldest} LIMIT 1`)
    this.#base = database.prepare(
      'SELECT base_offset FROM batch WHERE partition = ? AND last_offset < ? ORDER BY last_offset LIMIT 1',
    )
    this.#delete = database.prepare('DELETE FROM batch WHERE number = ?')
    this.#deleteTombstone = database.prepare('DELETE FROM tombstone WHERE batch = ?')
    this.#keepCount = database.prepare(`UPDATE partition SET appended_bytes = ${appendedBytes('?1')} WHERE number = ?1`)
    this.#setBounds = database.prepare(
      `UPDATE partition SET start_offset = max(start_offset, ?1), end_offset = max(end_offset, ?1),
       removed_bytes = removed_bytes + ?2 WHERE number = ?3`,
    )
  }

  /**
   * Deletes durable batches from the oldest on while `mayGo` says so, none that holds offset `before` or a later one.
   * The new start is the caller's to set in `partition` when the transaction is committed.
   */
  removeSlice(
    partition: PartitionState,
    { before, mayGo }: { readonly before: number; readonly mayGo: (batch: OldestBatch) => boolean },
  ): RemovedSlice {
    const limit = Math.min(before, partition.durableEnd)
    const deadlineMs = performance.now() + sliceMs
    let removed = 0
    let left = sliceBytes
    let more = true
    while (more && left > 0 && performance.now() < deadlineMs) {
      const rows = this.#oldest.all(partition.number, limit) as OldBatch[]
      more = rows.length === stepRows
      for (const [number, bytes, highestTimestampMs] of rows) {
        if (!mayGo({ bytes, highestTimestampMs, removed })) {
          more = false
          break
        }
        // The last batch, which tells what was appended, may be the next one to go.
        if (removed === 0) this.#keepCount.run(partition.number)
        this.#delete.run(number)
        if (partition.compacted) this.#deleteTombstone.run(number)
        removed += bytes
        left -= bytes
        if (left > 0 && performance.now() < deadlineMs) continue
        more = true
        break
      }
    }
    if (removed === 0) return { start: partition.start, removed, more }
    const start = Math.min(this.#firstOffset(partition), limit)
    // The end counts from the last batch as long as there is one.
    this.#setBounds.run(start, removed, partition.number)
    return { start, removed, more }
  }

  /** Of what is left: offsets may have been left out behind what went. */
  #firstOffset(partition: PartitionState): number {
    const row = this.#base.get(partition.number, partition.durableEnd) as [number] | undefined
    return Math.max(partition.start, row?.[0] ?? partition.durableEnd)
  }

  /** Whether the oldest durable batch may go: a look, without a transaction. */
  isDue(partition: PartitionState, mayGo: (batch: OldestBatch) => boolean): boolean {
    const row = reading(this.#path, () => this.#first.get(partition.number, partition.durableEnd)) as
      | OldBatch
      | undefined
    if (row === undefined) return false
    const [, bytes, highestTimestampMs] = row
    return mayGo({ bytes, highestTimestampMs, removed: 0 })
  }

  /** Sets the start inside a batch that stays. */
  setStart(partition: PartitionState, start: number): void {
    this.#setBounds.run(start, 0, partition.number)
  }
}
