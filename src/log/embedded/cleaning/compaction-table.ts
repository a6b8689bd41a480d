import { RecordBatch } from '../../records/record-batch.ts'
import { appendedBytes } from '../batch-store.ts'
import { reading, type SqlDatabase, type SqlStatement } from '../database.ts'
import { DamagedBatchError } from '../errors.ts'
import type { PartitionState } from '../partition-state.ts'
import type { CompactionRules } from './compaction-pass.ts'

/** A batch with its place in the file. */
export interface PlacedBatch {
  readonly number: number
  readonly lastOffset: number
  readonly batch: RecordBatch
  /** Until when its tombstones stay; undefined where it has none or was never compacted. */
  readonly tombstonesUntilMs: number | undefined
}
/** A batch that compaction changed. */
export interface CompactedBatch {
  readonly number: number
  readonly lastOffset: number
  /** What it took before. */
  readonly sizeBytes: number
  /** What it is now; null for nothing, undefined for what it was. */
  readonly bytes: Buffer | null | undefined
  readonly tombstonesUntilMs: number | undefined
}
/** What is to be compacted. */
export interface CompactionPlan {
  /** Up to here each key was reduced to its last value once. */
  readonly compactedTo: number
  /** Up to here it can be done now. */
  readonly upTo: number
  readonly isDue: boolean
}

type BatchRow = [number: number, baseOffset: number, lastOffset: number, keptUntil: number | null, bytes: Uint8Array]
/** Bytes appended up to and including the batch; null in files of format version 1. */
type ProbeRow = [lastOffset: number, highestTimestamp: number, appended: number | null]

/** What compaction reads and writes in the file. */
export class CompactionTable {
  readonly #path: string
  readonly #partition: SqlStatement
  readonly #last: SqlStatement
  readonly #probe: SqlStatement
  readonly #dueTombstone: SqlStatement
  readonly #next: SqlStatement
  readonly #keepCount: SqlStatement
  readonly #update: SqlStatement
  readonly #delete: SqlStatement
  readonly #exists: SqlStatement
  readonly #setTombstone: SqlStatement
  readonly #deleteTombstone: SqlStatement
  readonly #addRemoved: SqlStatement
  readonly #setCompactedTo: SqlStatement

  constructor(database: SqlDatabase, path: string) {
    this.#path = path
    this.#partition = database.prepare('SELECT compacted_to, removed_bytes FROM partition WHERE number = ?')
    const probe = 'SELECT last_offset, highest_timestamp, appended_bytes FROM batch WHERE partition = ?'
    this.#last = database.prepare(`${probe} AND last_offset < ? ORDER BY last_offset DESC LIMIT 1`)
    this.#probe = database.prepare(`${probe} AND last_offset >= ? AND last_offset < ? ORDER BY last_offset LIMIT 1`)
    this.#dueTombstone = database.prepare('SELECT 1 FROM tombstone WHERE partition = ? AND kept_until <= ? LIMIT 1')
    this.#next = database.prepare(
      `SELECT b.number, b.base_offset, b.last_offset, t.kept_until, b.bytes
       FROM batch b LEFT JOIN tombstone t ON t.batch = b.number
       WHERE b.partition = ? AND b.last_offset >= ? AND b.last_offset < ? ORDER BY b.last_offset LIMIT 1`,
    )
    this.#keepCount = database.prepare(`UPDATE partition SET appended_bytes = ${appendedBytes('?1')} WHERE number = ?1`)
    this.#update = database.prepare(
      'UPDATE batch SET bytes = ? WHERE number = ? AND partition = ? AND last_offset = ? RETURNING number',
    )
    this.#delete = database.prepare(
      'DELETE FROM batch WHERE number = ? AND partition = ? AND last_offset = ? RETURNING number',
    )
    this.#exists = database.prepare('SELECT number FROM batch WHERE number = ? AND partition = ? AND last_offset = ?')
    this.#setTombstone = database.prepare(
      `INSERT INTO tombstone (batch, partition, kept_until) VALUES (?, ?, ?)
       ON CONFLICT DO UPDATE SET kept_until = excluded.kept_until`,
    )
    this.#deleteTombstone = database.prepare('DELETE FROM tombstone WHERE batch = ?')
    this.#addRemoved = database.prepare('UPDATE partition SET removed_bytes = removed_bytes + ? WHERE number = ?')
    this.#setCompactedTo = database.prepare('UPDATE partition SET compacted_to = max(compacted_to, ?) WHERE number = ?')
  }

  plan(partition: PartitionState, nowMs: number, rules: CompactionRules): CompactionPlan {
    return reading(this.#path, () => {
      const [compactedTo, removed] = this.#partition.get(partition.number) as [number, number]
      const last = this.#last.get(partition.number, partition.durableEnd) as ProbeRow | undefined
      const bound = last === undefined ? undefined : this.#lastBefore(partition, last, nowMs, rules)
      const upTo = Math.max(compactedTo, bound === undefined ? 0 : bound[0] + 1)
      const tombstoneIsDue = this.#dueTombstone.get(partition.number, nowMs) !== undefined
      if (upTo === compactedTo) return { compactedTo, upTo, isDue: tombstoneIsDue }
      const compacted = this.#last.get(partition.number, compactedTo) as ProbeRow | undefined
      const appended = bound![2] ?? 0
      const dirtyBytes = appended - (compacted?.[2] ?? removed)
      const isDirty = compacted === undefined || dirtyBytes >= (appended - removed) * rules.dirtyRatio
      return { compactedTo, upTo, isDue: tombstoneIsDue || isDirty }
    })
  }

  /** The last batch that may be compacted: an old one, or one far from the end, and never the last. */
  #lastBefore(partition: PartitionState, last: ProbeRow, nowMs: number, rules: CompactionRules): ProbeRow | undefined {
    const farAppended = (last[2] ?? 0) - rules.tailBytes
    const isOld = ([, timestamp, appended]: ProbeRow) =>
      timestamp <= nowMs - rules.minLagMs || (appended ?? 0) <= farAppended
    // Times and bytes only rise: bisected.
    let low = 0
    let high = last[0]
    let found: ProbeRow | undefined
    while (low < high) {
      const middle = low + Math.floor((high - low) / 2)
      const row = this.#probe.get(partition.number, middle, last[0]) as ProbeRow | undefined
      if (row === undefined || !isOld(row)) high = middle
      else {
        found = row
        low = row[0] + 1
      }
    }
    return found
  }

  /** The first batch that ends at `position` or later and before `upTo`. Throws `DamagedBatchError`. */
  next(partition: PartitionState, position: number, upTo: number): PlacedBatch | undefined {
    const row = reading(this.#path, () => this.#next.get(partition.number, position, upTo) as BatchRow | undefined)
    if (row === undefined) return undefined
    const [number, baseOffset, lastOffset, keptUntil, bytes] = row
    try {
      const batch = RecordBatch.parse(bytes)
      return { number, lastOffset, batch, tombstonesUntilMs: keptUntil ?? undefined }
    } catch (error) {
      const { topic } = partition
      const at = { topic, partition: partition.partition, offset: baseOffset, nextOffset: lastOffset + 1 }
      throw new DamagedBatchError(this.#path, at, error)
    }
  }

  /** Inside a transaction. A batch that was deleted meanwhile stays deleted. */
  write(partition: PartitionState, changed: readonly CompactedBatch[]): void {
    this.#keepCount.run(partition.number)
    let removed = 0
    for (const each of changed) {
      if (!this.#change(partition.number, each)) continue
      if (each.bytes !== undefined) removed += each.sizeBytes - (each.bytes?.length ?? 0)
      if (each.tombstonesUntilMs === undefined) this.#deleteTombstone.run(each.number)
      else this.#setTombstone.run(each.number, partition.number, each.tombstonesUntilMs)
    }
    this.#addRemoved.run(removed, partition.number)
  }

  #change(partition: number, { number, lastOffset, bytes }: CompactedBatch): boolean {
    if (bytes === undefined) return this.#exists.get(number, partition, lastOffset) !== undefined
    if (bytes === null) return this.#delete.get(number, partition, lastOffset) !== undefined
    return this.#update.get(bytes, number, partition, lastOffset) !== undefined
  }

  /** Inside a transaction. */
  setCompactedTo(partition: PartitionState, to: number): void {
    this.#setCompactedTo.run(to, partition.number)
  }
}
