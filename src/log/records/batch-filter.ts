import { invariant } from '../../core/errors.ts'
import { bytesBeforeLength, layout, writeInt64 } from './batch-layout.ts'
import { compress } from './compression.ts'
import { crc32c } from './crc32c.ts'
import type { RecordBatch } from './record-batch.ts'
import type { RecordCursor } from './record-cursor.ts'

/**
 * Goes through a batch and leaves records out, as compaction does: what stays has the bytes that it had, and the batch its
 * offsets, times, producer and compression.
 *
 * Call `next`, then one of `keep` and `drop`, until there is none; then `finish`. All of them throw what reading the
 * batch throws.
 */
export class BatchFilter {
  readonly #batch: RecordBatch
  readonly #cursor: RecordCursor
  /** Header and kept records, from the first one on that was dropped. */
  #target: Buffer | undefined
  #end: number = layout.records
  #kept = 0
  #dropped = 0
  #maxTimestampMs = -1

  /** Decompresses. */
  constructor(batch: RecordBatch) {
    this.#batch = batch
    this.#cursor = batch.records()
  }

  /** The record to decide on. */
  get record(): RecordCursor {
    return this.#cursor
  }
  /** How many were kept so far. */
  get kept(): number {
    return this.#kept
  }
  /** How many were left out so far. */
  get dropped(): number {
    return this.#dropped
  }

  /** Goes to the next record; false when there is none. */
  next(): boolean {
    return this.#cursor.next()
  }

  keep(): void {
    this.#kept++
    this.#maxTimestampMs = Math.max(this.#maxTimestampMs, this.#cursor.timestampMs)
    if (this.#target !== undefined) this.#end += this.#cursor.recordBytes().copy(this.#target, this.#end)
  }

  drop(): void {
    // Nothing is copied for a batch that stays whole.
    this.#target ??= this.#copyBefore()
    this.#dropped++
  }

  /** The batch of what was kept; undefined when nothing was dropped. At least one record must have been kept. */
  finish(): Buffer | undefined {
    if (this.#target === undefined) return undefined
    invariant(this.#kept > 0, 'A batch of nothing was finished')
    const plain = this.#target.subarray(0, this.#end)
    const { compression, timestampType } = this.#batch
    const bytes =
      compression === 'none'
        ? Buffer.from(plain)
        : Buffer.concat([plain.subarray(0, layout.records), compress(compression, plain.subarray(layout.records))])
    bytes.writeInt32BE(bytes.length - bytesBeforeLength, layout.batchLength)
    bytes.writeInt32BE(this.#kept, layout.recordCount)
    if (timestampType === 'CreateTime') writeInt64(bytes, this.#maxTimestampMs, layout.maxTimestamp)
    bytes.writeUInt32BE(crc32c(bytes, layout.attributes), layout.checksum)
    return bytes
  }

  /** The header and all records before the one at the cursor, with room for the rest. */
  #copyBefore(): Buffer {
    const before = this.#cursor.bytesBefore()
    const target = Buffer.allocUnsafe(layout.records + this.#cursor.sectionBytes)
    this.#batch.bytes.copy(target, 0, 0, layout.records)
    this.#end = layout.records + before.copy(target, layout.records)
    return target
  }
}
