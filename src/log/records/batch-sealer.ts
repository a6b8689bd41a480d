import { invariant } from '../../core/errors.ts'
import {
  appendTimeFlag,
  bytesBeforeLength,
  controlFlag,
  layout,
  maxBatchBytes,
  transactionalFlag,
  writeInt64,
} from './batch-layout.ts'
import type { EncodedBatch } from './batch-writer.ts'
import { type Compression, compress, compressionId } from './compression.ts'
import { crc32c } from './crc32c.ts'
import { BatchTooLargeError } from './errors.ts'

export { mergeBatches } from './batch-merger.ts'

/** What a batch says beside its records. */
export interface BatchFields {
  /** Offset of the first record. A producer of Kafka's protocol sends 0, the broker sets it. */
  readonly baseOffset: number
  /** -1, unknown, by default. */
  readonly leaderEpoch?: number
  /** `none` by default. */
  readonly compression?: Compression
  /** -1, no producer, by default; with it go `producerEpoch` and `baseSequence` (KIP-98). */
  readonly producerId?: bigint | number
  readonly producerEpoch?: number
  readonly baseSequence?: number
  /** Part of a transaction: readers see it when that is committed. */
  readonly transactional?: boolean
  /** The record is a marker of the log's own (a transaction's end) and never delivered. */
  readonly control?: boolean
  /** The log's time replaces the records' own (`message.timestamp.type=LogAppendTime`). */
  readonly appendTimeMs?: number
}

/**
 * The bytes of a batch as they are stored and sent, checksum included.
 *
 * Uncompressed, the header is written into `batch.bytes`, which is also what is returned: it may be sealed again with
 * other fields, and the bytes handed out before change with it. Compressed, the bytes are new and `batch` stays as it was.
 * Throws `UnsupportedCompressionError` for lz4 and snappy.
 */
export function sealBatch(batch: EncodedBatch, fields: BatchFields): Buffer {
  const { compression = 'none', baseOffset, appendTimeMs } = fields
  invariant(Number.isSafeInteger(baseOffset) && baseOffset >= 0, `A batch was sealed at offset ${baseOffset}`)
  const bytes = compression === 'none' ? batch.bytes : withCompressedRecords(batch.bytes, compression)
  writeInt64(bytes, baseOffset, layout.baseOffset)
  bytes.writeInt32BE(fields.leaderEpoch ?? -1, layout.leaderEpoch)
  const attributes =
    compressionId(compression) |
    (appendTimeMs === undefined ? 0 : appendTimeFlag) |
    (fields.transactional === true ? transactionalFlag : 0) |
    (fields.control === true ? controlFlag : 0)
  bytes.writeInt16BE(attributes, layout.attributes)
  writeInt64(bytes, appendTimeMs ?? batch.maxTimestampMs, layout.maxTimestamp)
  bytes.writeBigInt64BE(BigInt(fields.producerId ?? -1), layout.producerId)
  bytes.writeInt16BE(fields.producerEpoch ?? -1, layout.producerEpoch)
  bytes.writeInt32BE(fields.baseSequence ?? -1, layout.baseSequence)
  bytes.writeUInt32BE(crc32c(bytes, layout.attributes), layout.checksum)
  return bytes
}

function withCompressedRecords(plain: Buffer, compression: Exclude<Compression, 'none'>): Buffer {
  const records = compress(compression, plain.subarray(layout.records))
  const size = layout.records + records.length
  if (size > maxBatchBytes) throw new BatchTooLargeError(size, maxBatchBytes)
  const bytes = Buffer.allocUnsafe(size)
  plain.copy(bytes, 0, 0, layout.records)
  records.copy(bytes, layout.records)
  bytes.writeInt32BE(size - bytesBeforeLength, layout.batchLength)
  return bytes
}
