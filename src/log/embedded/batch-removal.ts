import type { SqlDatabase, SqlStatement } from './database.ts'
import type { PartitionState } from './partition-state.ts'

/** What one transaction deletes at most: SQLite reads every page that it frees. */
const sliceBytes = 8 * 1024 * 1024
/** How long a transaction may go on deleting: many small batches take longer than few large ones of the same bytes. */
const sliceMs = 8
/** Rows between two looks at the clock. */
const stepRows = 64

type OldBatch = [number: number, lastOffset: number, bytes: number, highestTimestamp: number]

/** A whole batch that may go, as seen by who decides it. */
export interface OldestBatch {
  readonly lastOffset: number
  readonly bytes: number
  /** Highest of the partition up to and including this batch. */
  readonly highestTimestampMs: number
}

/** Deletes the oldest batches of partitions, a bounded slice in each call. To be called inside a transaction. */
export class BatchRemoval {
  readonly #oldest: SqlStatement
  readonly #delete: SqlStatement
  readonly #setBounds: SqlStatement

  constructor(database: SqlDatabase) {
    this.#oldest = database.prepare(
      `SELECT number, last_offset, length(bytes), highest_timestamp FROM batch
       WHERE partition = ? AND last_offset < ? ORDER BY last_offset LIMIT ${stepRows}`,
    )
    this.#delete = database.prepare('DELETE FROM batch WHERE number = ?')
    this.#setBounds = database.prepare(
      'UPDATE partition SET start_offset = max(start_offset, ?), end_offset = max(end_offset, ?) WHERE number = ?',
    )
  }

  /**
   * Deletes durable batches from the oldest on while `mayGo` says so, none that holds offset `before` or a later one.
   * Returns the new start and whether there may be more to delete; `partition.start` is the caller's to set when the
   * transaction is committed.
   */
  removeSlice(
    partition: PartitionState,
    { before, mayGo }: { readonly before: number; readonly mayGo: (batch: OldestBatch) => boolean },
  ): { readonly start: number; readonly more: boolean } {
    const limit = Math.min(before, partition.durableEnd)
    const deadlineMs = performance.now() + sliceMs
    let start = partition.start
    let left = sliceBytes
    let more = true
    while (more && left > 0 && performance.now() < deadlineMs) {
      const rows = this.#oldest.all(partition.number, limit) as OldBatch[]
      more = rows.length === stepRows
      for (const [number, lastOffset, bytes, highestTimestampMs] of rows) {
        if (!mayGo({ lastOffset, bytes, highestTimestampMs })) {
          more = false
          break
        }
        this.#delete.run(number)
        start = Math.max(start, lastOffset + 1)
        left -= bytes
        if (left > 0 && performance.now() < deadlineMs) continue
        more = true
        break
      }
    }
    // The end counts from the last batch as long as there is one.
    if (start > partition.start) this.#setBounds.run(start, start, partition.number)
    return { start, more }
  }

  /** Sets the start inside a batch that stays. */
  setStart(partition: PartitionState, start: number): void {
    this.#setBounds.run(start, start, partition.number)
  }
}
