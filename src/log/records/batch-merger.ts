import { InvariantError, invariant } from '../../core/errors.ts'
import { layout, maxBatchBytes, readInt64 } from './batch-layout.ts'
import { type EncodedBatch, writeUnsealedHeader } from './batch-writer.ts'
import { BatchTooLargeError } from './errors.ts'
import {
  ByteReader,
  maxVarintBytes,
  maxVarlongBytes,
  varintSize,
  varlongSize,
  writeVarint,
  writeVarlong,
} from './varint.ts'

/** What a record can grow by when its length and both deltas take their most bytes instead of one. */
const maxGrowthBytes = maxVarlongBytes + 2 * maxVarintBytes - 3

/**
 * One batch of all the records, in order: many small appends of one commit become one row. Keys, values and headers are
 * copied without being decoded. One batch comes back as it is; otherwise the batches given stay as they were. They must
 * be unsealed, or sealed without compression, and none of them empty.
 */
export function mergeBatches(batches: readonly EncodedBatch[]): EncodedBatch {
  const [first] = batches
  invariant(first !== undefined, 'No batches were merged')
  if (batches.length === 1) return first

  let count = 0
  let maxTimestampMs = first.maxTimestampMs
  let keyless = false
  let room: number = layout.records
  for (const batch of batches) {
    count += batch.count
    maxTimestampMs = Math.max(maxTimestampMs, batch.maxTimestampMs)
    keyless ||= batch.keyless
    room += batch.bytes.length - layout.records + batch.count * maxGrowthBytes
  }
  if (room > maxBatchBytes) throw new BatchTooLargeError(room, maxBatchBytes)

  const target = Buffer.allocUnsafe(room)
  const baseTimestampMs = readInt64(first.bytes, layout.baseTimestamp)
  // The first one's deltas stand already on the base that all get.
  let end = layout.records + first.bytes.copy(target, layout.records, layout.records)
  let merged = first.count
  for (const batch of batches.slice(1)) {
    const shiftMs = readInt64(batch.bytes, layout.baseTimestamp) - baseTimestampMs
    end = appendShifted(batch, target, { at: end, offsets: merged, timestampsMs: shiftMs })
    merged += batch.count
  }
  const result = { bytes: target.subarray(0, end), count, maxTimestampMs, keyless }
  writeUnsealedHeader(result, baseTimestampMs)
  return result
}

interface Shift {
  /** Where in the target the records begin. */
  readonly at: number
  /** What is added to each record's offset and timestamp delta. */
  readonly offsets: number
  readonly timestampsMs: number
}

/** Copies a batch's records with their deltas shifted. Returns the position after them. */
function appendShifted(batch: EncodedBatch, target: Buffer, shift: Shift): number {
  const { bytes } = batch
  const reader = new ByteReader(bytes, layout.records, (description, position) => {
    return new InvariantError(`An encoded batch cannot be read at byte ${position}: ${description}`)
  })
  let at = shift.at
  for (let index = 0; index < batch.count; index++) {
    const length = reader.readVarint()
    const recordEnd = reader.position + length
    const attributes = reader.readByte()
    const timestampDelta = reader.readVarlong() + shift.timestampsMs
    const offsetDelta = reader.readVarint() + shift.offsets
    const contentStart = reader.position
    at = writeVarint(target, 1 + varlongSize(timestampDelta) + varintSize(offsetDelta) + recordEnd - contentStart, at)
    target[at++] = attributes
    at = writeVarlong(target, timestampDelta, at)
    at = writeVarint(target, offsetDelta, at)
    at += bytes.copy(target, at, contentStart, recordEnd)
    reader.position = recordEnd
  }
  return at
}
