import fc from 'fast-check'
import { layout, writeInt64 } from './batch-layout.ts'
import { BatchWriter, type Bytes, type EncodedBatch, type RecordFields } from './batch-writer.ts'
import { crc32c } from './crc32c.ts'
import { RecordBatch } from './record-batch.ts'

/** A record as it is read, whole. */
export interface ReadRecord {
  readonly offset: number
  readonly timestampMs: number
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly headers: readonly (readonly [string, Buffer | null])[]
}

export function encode(records: readonly RecordFields[]): EncodedBatch {
  const writer = new BatchWriter()
  for (const record of records) writer.append(record)
  return writer.finish()
}

export function readAll(batch: RecordBatch): ReadRecord[] {
  const cursor = batch.records()
  const records: ReadRecord[] = []
  while (cursor.next()) {
    records.push({
      offset: cursor.offset,
      timestampMs: cursor.timestampMs,
      key: cursor.keyBytes(),
      value: cursor.valueBytes(),
      headers: cursor.headers(),
    })
  }
  return records
}

/** What `readAll` gives for these records, written from an offset on. */
export function asRead(records: readonly RecordFields[], baseOffset = 0): ReadRecord[] {
  return records.map(({ timestampMs, key, value, headers = [] }, index) => ({
    offset: baseOffset + index,
    timestampMs,
    key: toBuffer(key),
    value: toBuffer(value),
    headers: headers.map(([name, content]) => [name, toBuffer(content)] as const),
  }))
}

function toBuffer(bytes: Bytes): Buffer | null {
  return bytes === null ? null : Buffer.from(bytes)
}

const text = fc.oneof(fc.string({ unit: 'grapheme' }), fc.string({ unit: 'binary', maxLength: 200 }))
const content = fc.oneof(fc.constant(null), fc.constant(''), text, fc.uint8Array({ maxLength: 200 }))
const timestampMs = fc.oneof(fc.constant(-1), fc.nat(), fc.maxSafeNat())

/** Any record that the format can hold, small. */
export const anyRecord: fc.Arbitrary<RecordFields> = fc.record(
  { timestampMs, key: content, value: content, headers: fc.array(fc.tuple(text, content), { maxLength: 5 }) },
  { requiredKeys: ['timestampMs', 'key', 'value'] },
)

/** Some records, so that offset deltas of one and two bytes occur. */
export const anyRecords = fc.oneof(
  { weight: 9, arbitrary: fc.array(anyRecord, { minLength: 1, maxLength: 12 }) },
  { weight: 1, arbitrary: fc.array(anyRecord, { minLength: 60, maxLength: 80 }) },
)

/** Numbers of the header that are set in place of honest ones. */
export interface HeaderNumbers {
  readonly baseOffset?: number
  readonly attributes?: number
  readonly lastOffsetDelta?: number
  readonly baseTimestamp?: number
  readonly recordCount?: number
}

/** A batch with a right length and checksum around any bytes as its records. */
export function batchAround(records: Uint8Array, numbers: HeaderNumbers = {}): Buffer {
  const template = encode([{ timestampMs: 0, key: null, value: null }]).bytes
  const bytes = Buffer.concat([template.subarray(0, layout.records), records])
  bytes.writeInt32BE(bytes.length - layout.leaderEpoch, layout.batchLength)
  writeInt64(bytes, numbers.baseOffset ?? 0, layout.baseOffset)
  bytes.writeInt16BE(numbers.attributes ?? 0, layout.attributes)
  bytes.writeInt32BE(numbers.lastOffsetDelta ?? 0, layout.lastOffsetDelta)
  writeInt64(bytes, numbers.baseTimestamp ?? 0, layout.baseTimestamp)
  bytes.writeInt32BE(numbers.recordCount ?? 1, layout.recordCount)
  bytes.writeUInt32BE(crc32c(bytes, layout.attributes), layout.checksum)
  return bytes
}

/** Reads everything that a batch can be asked for. */
export function exhaust(bytes: Uint8Array, options: Parameters<typeof RecordBatch.parse>[1] = {}): void {
  const cursor = RecordBatch.parse(bytes, options).records()
  while (cursor.next()) {
    cursor.keyText()
    cursor.valueText()
    cursor.headers()
    cursor.header('name')
  }
}
