import { CorruptBatchError } from '../records/errors.ts'
import { RecordBatch } from '../records/record-batch.ts'
import { reading, type SqlDatabase, type SqlStatement } from './database.ts'
import { DamagedBatchError } from './errors.ts'
import type { PartitionState } from './partition-state.ts'
import type { StoredBatch } from './tail-cache.ts'

type BatchRow = [baseOffset: number, lastOffset: number, bytes: Uint8Array]

/**
 * SQL for all bytes that were ever appended to a partition. The last batch tells; the partition's row counts where that
 * batch is gone, or was written by format version 1.
 */
export function appendedBytes(partition: string): string {
  return `(SELECT max(p.appended_bytes, coalesce((SELECT b.appended_bytes FROM batch b
    WHERE b.partition = p.number ORDER BY b.last_offset DESC LIMIT 1), 0)) FROM partition p WHERE p.number = ${partition})`
}

/**
 * The batches in the file. Rows stand in the order of the commits, so that a commit writes the end of the table; the
 * index finds them by partition and offset.
 */
export class BatchStore {
  readonly #path: string
  readonly #insert: SqlStatement
  readonly #setEnd: SqlStatement
  readonly #select: SqlStatement
  readonly #probe: SqlStatement
  /** Of the batch that was inserted last; whoever begins a transaction sets it back. */
  lastNumber = 0

  constructor(database: SqlDatabase, path: string) {
    this.#path = path
    this.#insert = database.prepare(
      `INSERT INTO batch (partition, base_offset, last_offset, highest_timestamp, appended_bytes, bytes)
       VALUES (?1, ?2, ?3, ?4, ${appendedBytes('?1')} + ?6, ?5)`,
    )
    this.#setEnd = database.prepare('UPDATE partition SET end_offset = ? WHERE number = ?')
    this.#select = database.prepare(
      `SELECT base_offset, last_offset, bytes FROM batch
       WHERE partition = ? AND last_offset >= ? AND last_offset < ? ORDER BY last_offset`,
    )
    this.#probe = database.prepare(
      `SELECT last_offset, highest_timestamp FROM batch
       WHERE partition = ? AND last_offset >= ? AND last_offset < ? ORDER BY last_offset LIMIT 1`,
    )
  }

  insert(partition: PartitionState, batch: StoredBatch & { readonly highestTimestampMs: number }): void {
    const { baseOffset, lastOffset, highestTimestampMs, bytes } = batch
    const { lastInsertRowid } = this.#insert.run(
      partition.number,
      baseOffset,
      lastOffset,
      highestTimestampMs,
      bytes,
      bytes.length,
    )
    this.lastNumber = Number(lastInsertRowid)
  }

  /** Only where it differs from the offset after the last batch. */
  setEnd(partition: PartitionState, end: number): void {
    this.#setEnd.run(end, partition.number)
  }

  /**
   * Durable batches from the one that holds `position`, or the next one: about `maxBytes`, at least one if there is any.
   * Throws `DamagedBatchError`, unless a whole batch came before the damaged one, and SQLite's errors as the log's.
   */
  read(partition: PartitionState, position: number, maxBytes: number): RecordBatch[] {
    const found: RecordBatch[] = []
    let bytes = 0
    try {
      reading(this.#path, () => {
        // Broken off in this turn, and so ended: a statement left open would keep the WAL from restarting.
        for (const row of this.#select.iterate(partition.number, position, partition.durableEnd)) {
          const batch = this.#parse(partition, row as BatchRow)
          found.push(batch)
          bytes += batch.sizeInBytes
          if (bytes >= maxBytes) break
        }
      })
    } catch (error) {
      if (found.length === 0) throw error
    }
    return found
  }

  /** The first durable offset whose record has this timestamp or a later one; the end if none has. */
  offsetAtTime(partition: PartitionState, timeMs: number): number {
    let position = this.#firstBatchUpTo(partition, timeMs)
    while (position < partition.durableEnd) {
      // After a deletion the largest timestamp so far may be of a record that is gone: look into the batches.
      const [batch] = this.read(partition, position, 1)
      if (batch === undefined) break
      const offset = batch.maxTimestampMs < timeMs ? undefined : firstAtTime(batch, timeMs, partition.start)
      if (offset !== undefined) return offset
      position = batch.nextOffset
    }
    return partition.durableEnd
  }

  /** Last offset of the first batch up to which some record has the time or a later one: bisected, since it only rises. */
  #firstBatchUpTo(partition: PartitionState, timeMs: number): number {
    let low = partition.start
    let high = partition.durableEnd
    while (low < high) {
      const middle = low + Math.floor((high - low) / 2)
      const row = this.#probeAt(partition, middle)
      if (row === undefined || row[1] >= timeMs) high = middle
      else low = row[0] + 1
    }
    return low
  }

  #probeAt(partition: PartitionState, position: number): [lastOffset: number, timestampMs: number] | undefined {
    return reading(this.#path, () => {
      return this.#probe.get(partition.number, position, partition.durableEnd) as [number, number] | undefined
    })
  }

  #parse(partition: PartitionState, [baseOffset, lastOffset, stored]: BatchRow): RecordBatch {
    try {
      const batch = RecordBatch.parse(Buffer.from(stored.buffer, stored.byteOffset, stored.byteLength))
      if (batch.baseOffset === baseOffset && batch.lastOffset === lastOffset) return batch
      // The base offset lies outside the checksum.
      throw new CorruptBatchError(`its header says offsets ${batch.baseOffset} to ${batch.lastOffset}`, { position: 0 })
    } catch (error) {
      const at = {
        topic: partition.topic,
        partition: partition.partition,
        offset: baseOffset,
        nextOffset: lastOffset + 1,
      }
      throw new DamagedBatchError(this.#path, at, error)
    }
  }
}

function firstAtTime(batch: RecordBatch, timeMs: number, from: number): number | undefined {
  const records = batch.records()
  while (records.next()) if (records.offset >= from && records.timestampMs >= timeMs) return records.offset
  return undefined
}
