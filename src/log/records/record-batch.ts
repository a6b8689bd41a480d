import { messageOf } from '../../core/errors.ts'
import {
  appendTimeFlag,
  bytesBeforeLength,
  compressionMask,
  controlFlag,
  layout,
  magicVersion,
  readInt64,
  transactionalFlag,
} from './batch-layout.ts'
import { type Compression, compressionOf, decompress } from './compression.ts'
import { crc32c } from './crc32c.ts'
import { CorruptBatchError, UnsupportedBatchVersionError, UnsupportedCompressionError } from './errors.ts'
import { RecordCursor, type RecordSection } from './record-cursor.ts'

export { RecordCursor } from './record-cursor.ts'
export type { ReadHeader } from './record-headers.ts'

/** Whose time the records have, by Kafka's names (`message.timestamp.type`). */
export type TimestampType = 'CreateTime' | 'LogAppendTime'

/** How far bytes are trusted that were read. */
export interface ReadOptions {
  /** True by default. False for bytes whose checksum was verified before. */
  readonly verifyChecksum?: boolean
  /** Records that decompress to more are refused as corrupt. 256 MiB by default. */
  readonly maxDecompressedBytes?: number
}

const defaultMaxDecompressedBytes = 256 * 1024 * 1024

/**
 * One record batch v2, a view of its bytes: only the header is read until `records()` is asked for. The bytes must not
 * change while the batch is in use.
 */
export class RecordBatch {
  /** All of the batch, as it is stored and sent. */
  readonly bytes: Buffer
  readonly baseOffset: number
  /** Of the batch as it was written: compaction may have removed the record. */
  readonly lastOffset: number
  /** Records that are there; fewer than the offsets where compaction removed some, possibly none. */
  readonly count: number
  readonly baseTimestampMs: number
  readonly maxTimestampMs: number
  readonly timestampType: TimestampType
  readonly compression: Compression
  readonly isTransactional: boolean
  /** Holds a marker of the log's own, not a record for anybody. */
  readonly isControl: boolean
  /** -1 for none, as epoch and sequence. */
  readonly producerId: number
  readonly producerEpoch: number
  readonly baseSequence: number
  /** -1 for unknown. */
  readonly leaderEpoch: number
  readonly #maxDecompressedBytes: number

  /**
   * Reads the batch that begins at `at`; what follows it is not looked at. Throws `CorruptBatchError` where the bytes
   * are no whole batch with the right checksum, `UnsupportedBatchVersionError` for another format version.
   */
  static parse(bytes: Uint8Array, options: ReadOptions & { readonly at?: number } = {}): RecordBatch {
    const { at = 0 } = options
    const all = asBuffer(bytes)
    const size = sizeOfBatch(all, at)
    if (size === undefined || at + size > all.length) {
      const needed = size === undefined ? '' : ` of ${size}`
      throw new CorruptBatchError(`it ends after ${all.length - at}${needed} bytes`, { position: all.length - at })
    }
    return new RecordBatch(all.subarray(at, at + size), options)
  }

  /** Of exactly one batch, whose size was checked. Use `parse`. */
  private constructor(bytes: Buffer, options: ReadOptions) {
    this.bytes = bytes
    const { verifyChecksum = true, maxDecompressedBytes = defaultMaxDecompressedBytes } = options
    this.#maxDecompressedBytes = maxDecompressedBytes
    this.baseOffset = readInt64(bytes, layout.baseOffset)
    if (verifyChecksum) this.#verifyChecksum()
    const attributes = bytes.readInt16BE(layout.attributes)
    this.isTransactional = (attributes & transactionalFlag) !== 0
    this.isControl = (attributes & controlFlag) !== 0
    this.timestampType = (attributes & appendTimeFlag) === 0 ? 'CreateTime' : 'LogAppendTime'
    this.leaderEpoch = bytes.readInt32BE(layout.leaderEpoch)
    this.baseTimestampMs = this.#readNumber('the base timestamp', layout.baseTimestamp)
    this.maxTimestampMs = this.#readNumber('the largest timestamp', layout.maxTimestamp)
    this.producerId = this.#readNumber('the producer id', layout.producerId)
    this.producerEpoch = bytes.readInt16BE(layout.producerEpoch)
    this.baseSequence = bytes.readInt32BE(layout.baseSequence)
    this.count = bytes.readInt32BE(layout.recordCount)

    const lastOffsetDelta = bytes.readInt32BE(layout.lastOffsetDelta)
    this.lastOffset = this.baseOffset + lastOffsetDelta
    if (this.baseOffset < 0 || this.nextOffset > Number.MAX_SAFE_INTEGER) {
      this.#fail('its offsets are not from 0 to 2^53', layout.baseOffset)
    }
    if (lastOffsetDelta < 0) this.#fail(`its last offset delta is ${lastOffsetDelta}`, layout.lastOffsetDelta)
    if (this.count < 0 || this.count > lastOffsetDelta + 1) {
      this.#fail(`its record count is ${this.count}, of ${lastOffsetDelta + 1} offsets`, layout.recordCount)
    }
    const compression = compressionOf(attributes & compressionMask)
    if (compression === undefined) {
      this.#fail(`its compression is ${attributes & compressionMask}, which means nothing`, layout.attributes)
    }
    this.compression = compression
  }

  /** Where reading goes on after this batch. */
  get nextOffset(): number {
    return this.lastOffset + 1
  }

  /** Size as stored, header included. */
  get sizeInBytes(): number {
    return this.bytes.length
  }

  /**
   * A cursor before the first record. Decompresses, each time it is called: throws `CorruptBatchError` for what cannot
   * be decompressed in the bound, `UnsupportedCompressionError` for lz4 and snappy.
   */
  records(): RecordCursor {
    return new RecordCursor(this.#section())
  }

  #section(): RecordSection {
    const { compression, count, baseOffset, lastOffset, baseTimestampMs } = this
    const appendTimeMs = this.timestampType === 'LogAppendTime' ? this.maxTimestampMs : undefined
    const known = { count, baseOffset, lastOffset, baseTimestampMs, appendTimeMs }
    if (compression === 'none' || this.sizeInBytes === layout.records) {
      return { bytes: this.bytes, start: layout.records, part: 'batch', ...known }
    }
    return { bytes: this.#decompress(compression), start: 0, part: 'decompressed records', ...known }
  }

  #decompress(compression: Exclude<Compression, 'none'>): Buffer {
    const maxBytes = this.#maxDecompressedBytes
    const compressed = this.bytes.subarray(layout.records)
    try {
      return decompress(compression, compressed, { maxBytes })
    } catch (cause) {
      if (cause instanceof UnsupportedCompressionError) throw cause
      const code = cause instanceof Error && 'code' in cause ? cause.code : undefined
      const fault =
        code === 'ERR_BUFFER_TOO_LARGE'
          ? `its records decompress to more than ${maxBytes} bytes (maxDecompressedBytes)`
          : `its records cannot be decompressed as ${compression} (${messageOf(cause)})`
      return this.#fail(fault, layout.records, cause)
    }
  }

  #verifyChecksum(): void {
    const stored = this.bytes.readUInt32BE(layout.checksum)
    const computed = crc32c(this.bytes, layout.attributes)
    if (stored !== computed) {
      this.#fail(`its checksum is ${hex(stored)}, that of its bytes is ${hex(computed)}`, layout.checksum)
    }
  }

  /** An INT64 of the header that must be exact as a number. */
  #readNumber(what: string, position: number): number {
    const value = readInt64(this.bytes, position)
    if (!Number.isSafeInteger(value)) this.#fail(`${what} is beyond 2^53`, position)
    return value
  }

  #fail(fault: string, position: number, cause?: unknown): never {
    throw new CorruptBatchError(fault, { position, baseOffset: this.baseOffset, cause })
  }
}

/**
 * The batches that stand one after the other in `bytes`, as in the answer to a fetch. A last one that is not whole is
 * left out: how many bytes were whole is the sum of the batches' `sizeInBytes`. Throws what `RecordBatch.parse` throws.
 */
export function readBatches(bytes: Uint8Array, options: ReadOptions = {}): RecordBatch[] {
  const all = asBuffer(bytes)
  const batches: RecordBatch[] = []
  for (let at = 0; ; ) {
    const size = sizeOfBatch(all, at)
    if (size === undefined || at + size > all.length) return batches
    batches.push(RecordBatch.parse(all, { ...options, at }))
    at += size
  }
}

/** The size that a batch at `at` says it has; undefined where the bytes end before it can be told. */
function sizeOfBatch(bytes: Buffer, at: number): number | undefined {
  if (at + layout.checksum > bytes.length) return undefined
  // Version first: the older ones have the length at the same place, but another header after it.
  const magic = bytes.readInt8(at + layout.magic)
  if (magic !== magicVersion) throw new UnsupportedBatchVersionError(magic, at)
  const length = bytes.readInt32BE(at + layout.batchLength)
  const size = bytesBeforeLength + length
  if (size >= layout.records) return size
  throw new CorruptBatchError(`its length is ${length}`, {
    position: layout.batchLength,
    baseOffset: readInt64(bytes, at + layout.baseOffset),
  })
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

function hex(checksum: number): string {
  return checksum.toString(16).padStart(8, '0')
}
