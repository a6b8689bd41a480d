import { invariant } from '../../core/errors.ts'
import { layout, magicVersion, maxBatchBytes, writeInt64 } from './batch-layout.ts'
import { BatchTooLargeError, InvalidRecordError } from './errors.ts'
import { borrowScratch, returnScratch } from './scratch.ts'
import { maxVarintBytes, maxVarlongBytes, varintSize, writeVarint, writeVarlong } from './varint.ts'

/** Bytes of a key, a value or a header value. A string is written as UTF-8; null is not the same as empty. */
export type Bytes = string | Uint8Array | null

/** A name may be repeated in one record; the order is kept. */
export type RecordHeader = readonly [name: string, value: Bytes]

/** A record before it has an offset. */
export interface RecordFields {
  /** Milliseconds since the epoch, a whole number; -1 for none. */
  readonly timestampMs: number
  readonly key: Bytes
  readonly value: Bytes
  readonly headers?: readonly RecordHeader[]
}

/** Records encoded as one uncompressed batch v2 that has no offset, no producer and no checksum yet: `sealBatch` sets them. */
export interface EncodedBatch {
  /** The whole batch, header included, with base offset 0. Owned by whoever holds the batch. */
  readonly bytes: Buffer
  /** At least 1. */
  readonly count: number
  readonly maxTimestampMs: number
  /** Some record has no key: a compacted topic refuses the batch. */
  readonly keyless: boolean
}

/** Texts up to this length get room for their worst case (3 bytes a character); longer ones are measured. */
const measuredFromLength = 1024

/** Texts up to this length are written faster by a loop than by a native call (measured). */
const loopedLength = 24

/** Record length, attributes, timestamp and offset delta, header count. */
const maxFrameBytes = maxVarintBytes + 1 + maxVarlongBytes + 2 * maxVarintBytes

/**
 * Encodes records into one batch, in the order of the calls. Reusable: `finish` empties it. What was given to
 * `append` is copied and may change afterwards.
 */
export class BatchWriter {
  #buffer: Buffer | undefined
  #position: number = layout.records
  #count = 0
  #baseTimestampMs = 0
  #maxTimestampMs = 0
  #keyless = false

  /** Records since the last `finish`. */
  get count(): number {
    return this.#count
  }

  /** Size of the batch that `finish` would hand out, header included; 0 while there is no record. */
  get byteLength(): number {
    return this.#count === 0 ? 0 : this.#position
  }

  /** Throws `InvalidRecordError` and `BatchTooLargeError`; then nothing was appended. */
  append(record: RecordFields): void {
    const { timestampMs, key, value, headers } = record
    // Everything that can throw comes before the first change.
    const buffer = this.#reserve(checkedRoom(record))
    if (this.#count === 0) {
      this.#baseTimestampMs = timestampMs
      this.#maxTimestampMs = timestampMs
    } else if (timestampMs > this.#maxTimestampMs) {
      this.#maxTimestampMs = timestampMs
    }
    if (key === null) this.#keyless = true

    const start = this.#position
    // A guess of the length's own size that is right for ASCII away from the borders; put right below if not.
    const guessedSize = varintSize(
      6 + lengthOf(key) + lengthOf(value) + (headers === undefined ? 0 : 16 * headers.length),
    )
    const bodyStart = start + guessedSize
    let at = bodyStart
    buffer[at++] = 0
    at = writeVarlong(buffer, timestampMs - this.#baseTimestampMs, at)
    at = writeVarint(buffer, this.#count, at)
    at = writeBytes(buffer, key, at)
    at = writeBytes(buffer, value, at)
    if (headers === undefined) {
      buffer[at++] = 0
    } else {
      at = writeVarint(buffer, headers.length, at)
      for (const header of headers) at = writeBytes(buffer, header[1], writeBytes(buffer, header[0], at))
    }
    this.#position = writeLengthBefore(buffer, { start, bodyStart, end: at })
    this.#count++
  }

  /** Hands out what was appended and is empty afterwards. At least one record must have been. */
  finish(): EncodedBatch {
    const scratch = this.#buffer
    invariant(scratch !== undefined && this.#count > 0, 'A batch without records was finished')
    const bytes = Buffer.allocUnsafe(this.#position)
    scratch.copy(bytes, layout.records, layout.records, this.#position)
    const batch = {
      bytes,
      count: this.#count,
      maxTimestampMs: this.#maxTimestampMs,
      keyless: this.#keyless,
    }
    writeUnsealedHeader(batch, this.#baseTimestampMs)
    returnScratch(scratch)
    this.#buffer = undefined
    this.#position = layout.records
    this.#count = 0
    this.#keyless = false
    return batch
  }

  /** The buffer, with room for `bytes` more. */
  #reserve(bytes: number): Buffer {
    const needed = this.#position + bytes
    const buffer = this.#buffer
    if (buffer !== undefined && needed <= buffer.length) return buffer
    if (needed > maxBatchBytes) throw new BatchTooLargeError(needed, maxBatchBytes)
    const grown = borrowScratch(needed)
    if (buffer !== undefined) {
      buffer.copy(grown, layout.records, layout.records, this.#position)
      returnScratch(buffer)
    }
    this.#buffer = grown
    return grown
  }
}

/** Fills the header of a batch whose records are in place: no offset, no producer, no checksum. */
export function writeUnsealedHeader(batch: EncodedBatch, baseTimestampMs: number): void {
  const { bytes, count, maxTimestampMs } = batch
  writeInt64(bytes, 0, layout.baseOffset)
  bytes.writeInt32BE(bytes.length - layout.leaderEpoch, layout.batchLength)
  bytes.writeInt32BE(-1, layout.leaderEpoch)
  bytes[layout.magic] = magicVersion
  bytes.writeUInt32BE(0, layout.checksum)
  bytes.writeInt16BE(0, layout.attributes)
  bytes.writeInt32BE(count - 1, layout.lastOffsetDelta)
  writeInt64(bytes, baseTimestampMs, layout.baseTimestamp)
  writeInt64(bytes, maxTimestampMs, layout.maxTimestamp)
  writeInt64(bytes, -1, layout.producerId)
  bytes.writeInt16BE(-1, layout.producerEpoch)
  bytes.writeInt32BE(-1, layout.baseSequence)
  bytes.writeInt32BE(count, layout.recordCount)
}

/** Room that the record takes at most. Throws for what cannot be written. */
function checkedRoom({ timestampMs, key, value, headers }: RecordFields): number {
  if (!Number.isSafeInteger(timestampMs) || timestampMs < -1) {
    throw new InvalidRecordError(
      `A record's timestamp is ${String(timestampMs)}: give whole milliseconds since the epoch, or -1 for none.`,
    )
  }
  let room = maxFrameBytes + roomOf(key, 'key') + roomOf(value, 'value')
  if (headers !== undefined) {
    for (const [name, content] of headers) {
      if (typeof name !== 'string') throw new InvalidRecordError(`A header's name is ${typeof name}: give a string.`)
      room += roomOf(name, 'header name') + roomOf(content, 'header value')
    }
  }
  return room
}

function roomOf(bytes: Bytes, what: string): number {
  if (bytes === null) return 1
  if (typeof bytes === 'string') {
    return maxVarintBytes + (bytes.length < measuredFromLength ? bytes.length * 3 : Buffer.byteLength(bytes))
  }
  if (bytes instanceof Uint8Array) return maxVarintBytes + bytes.length
  throw new InvalidRecordError(`A record's ${what} is ${typeof bytes}: give a string, a Uint8Array or null.`)
}

function lengthOf(bytes: Bytes): number {
  return bytes === null ? 0 : bytes.length
}

/** Length and content; -1 for null. Returns the position after them. */
function writeBytes(buffer: Buffer, bytes: Bytes, position: number): number {
  if (bytes === null) return writeVarint(buffer, -1, position)
  if (bytes.length === 0) return writeVarint(buffer, 0, position)
  const start = position + varintSize(bytes.length)
  if (typeof bytes === 'string') {
    const end = writeText(buffer, bytes, start)
    return writeLengthBefore(buffer, { start: position, bodyStart: start, end })
  }
  writeVarint(buffer, bytes.length, position)
  buffer.set(bytes, start)
  return start + bytes.length
}

/** Writes UTF-8; returns the position after it. Short ASCII, as most keys and headers are, without a call into native code. */
function writeText(buffer: Buffer, text: string, start: number): number {
  if (text.length > loopedLength) return start + buffer.write(text, start)
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index)
    if (code > 0x7f) return start + buffer.write(text, start)
    buffer[start + index] = code
  }
  return start + text.length
}

/** Writes at `start` the length of what lies from `bodyStart` to `end`; moves it when the length needs other room. */
function writeLengthBefore(
  buffer: Buffer,
  { start, bodyStart, end }: { readonly start: number; readonly bodyStart: number; readonly end: number },
): number {
  const length = end - bodyStart
  const neededStart = start + varintSize(length)
  if (neededStart !== bodyStart) buffer.copyWithin(neededStart, bodyStart, end)
  writeVarint(buffer, length, start)
  return neededStart + length
}
