import { minRecordBytes } from './batch-layout.ts'
import { CorruptBatchError, type CorruptPlace } from './errors.ts'
import { findHeader, type ReadHeader, readHeaders, readLength } from './record-headers.ts'
import { ByteReader } from './varint.ts'

/** What a cursor needs to know of the batch around its records. */
export interface RecordSection {
  /** Holds the records, decompressed, from `start` to its end. */
  readonly bytes: Buffer
  readonly start: number
  readonly part: NonNullable<CorruptPlace['part']>
  readonly count: number
  readonly baseOffset: number
  readonly lastOffset: number
  readonly baseTimestampMs: number
  /** The log's time, that all records have in place of their own. */
  readonly appendTimeMs: number | undefined
}

/**
 * Reads the records of a batch one after the other, without an object for each: the cursor shows the record that the
 * last `next()` reached. Bytes are views of the batch's, to be copied by who keeps them; texts and headers are made each
 * time they are asked for.
 *
 * States: before the first record → on a record → past the last one. Only on a record may anything but `next()` be used.
 * Every method throws `CorruptBatchError` for bytes that no record can have; after one, the cursor is not to be used.
 */
export class RecordCursor {
  readonly #section: RecordSection
  readonly #reader: ByteReader
  #left: number
  #recordStart = 0
  #recordEnd: number
  #offset: number
  #timestampMs = -1
  #keyStart = 0
  #keyLength = -1
  #valueStart = 0
  #valueLength = -1
  #headerCount = 0
  #headersStart = 0

  constructor(section: RecordSection) {
    const { bytes, start, part, baseOffset } = section
    this.#section = section
    this.#reader = new ByteReader(bytes, start, (fault, position) => {
      return new CorruptBatchError(fault, { position, part, baseOffset })
    })
    this.#recordEnd = start
    this.#left = section.count
    this.#offset = baseOffset - 1
    if (section.count * minRecordBytes > bytes.length - start) {
      this.#reader.fail(`${section.count} records cannot be in ${bytes.length - start} bytes`)
    }
  }

  /** Moves to the next record; false when there is none. */
  next(): boolean {
    const reader = this.#reader
    const { bytes } = reader
    reader.position = this.#recordEnd
    reader.end = bytes.length
    if (this.#left === 0) {
      if (reader.position !== reader.end) reader.fail(`${reader.end - reader.position} bytes follow the last record`)
      return false
    }
    const start = reader.position
    this.#recordStart = start
    const length = reader.readVarint()
    if (length < minRecordBytes - 1 || length > reader.end - reader.position) {
      reader.fail(`a record's length is ${length}, with ${reader.end - reader.position} bytes left`, start)
    }
    this.#recordEnd = reader.end = reader.position + length
    // The attributes of a record: unused, whatever they are.
    reader.position++
    this.#readDeltas()
    this.#keyLength = readLength(reader, 'key')
    this.#keyStart = reader.position
    if (this.#keyLength > 0) reader.position += this.#keyLength
    this.#valueLength = readLength(reader, 'value')
    this.#valueStart = reader.position
    if (this.#valueLength > 0) reader.position += this.#valueLength
    this.#readHeaderCount()
    this.#left--
    return true
  }

  #readDeltas(): void {
    const { baseTimestampMs, baseOffset, lastOffset, appendTimeMs } = this.#section
    const reader = this.#reader
    const start = reader.position
    const timestampMs = baseTimestampMs + reader.readVarlong()
    if (!Number.isSafeInteger(timestampMs)) reader.fail('a timestamp is beyond 2^53', start)
    this.#timestampMs = appendTimeMs ?? timestampMs
    const offsetStart = reader.position
    const offset = baseOffset + reader.readVarint()
    if (offset <= this.#offset || offset > lastOffset) {
      reader.fail(`offset ${offset} stands after ${this.#offset} in a batch up to ${lastOffset}`, offsetStart)
    }
    this.#offset = offset
  }

  #readHeaderCount(): void {
    const reader = this.#reader
    const start = reader.position
    const count = reader.readVarint()
    const left = reader.end - reader.position
    // A header takes two bytes at least.
    if (count < 0 || count * 2 > left || (count === 0 && left > 0)) {
      reader.fail(`a record has ${count} headers in ${left} bytes`, start)
    }
    this.#headerCount = count
    this.#headersStart = reader.position
  }

  get offset(): number {
    return this.#offset
  }

  /** Milliseconds since the epoch, as the record or its topic's log says; -1 for none. */
  get timestampMs(): number {
    return this.#timestampMs
  }

  /** -1 for null, as `valueLength`. */
  get keyLength(): number {
    return this.#keyLength
  }

  get valueLength(): number {
    return this.#valueLength
  }

  get headerCount(): number {
    return this.#headerCount
  }

  keyBytes(): Buffer | null {
    return this.#bytes(this.#keyStart, this.#keyLength)
  }

  /** As UTF-8; bytes that are none become U+FFFD. The same for every text here. */
  keyText(): string | null {
    return this.#text(this.#keyStart, this.#keyLength)
  }

  valueBytes(): Buffer | null {
    return this.#bytes(this.#valueStart, this.#valueLength)
  }

  valueText(): string | null {
    return this.#text(this.#valueStart, this.#valueLength)
  }

  /** All of them, in order; a name may be repeated. */
  headers(): readonly ReadHeader[] {
    if (this.#headerCount === 0) return []
    return readHeaders(this.#atHeaders(), this.#headerCount)
  }

  /** Leads `recordAt` back to this record. */
  get bookmark(): number {
    return this.#recordStart
  }

  /** A cursor on the record that had this `bookmark`; this one stays where it is. */
  recordAt(bookmark: number): RecordCursor {
    const cursor = new RecordCursor({ ...this.#section, start: bookmark, count: 1 })
    cursor.next()
    return cursor
  }

  /** The last header of that name; undefined when there is none. */
  header(name: string): Buffer | null | undefined {
    if (this.#headerCount === 0) return undefined
    return findHeader(this.#atHeaders(), this.#headerCount, name)
  }

  /** The record as it is stored, its length before it. */
  recordBytes(): Buffer {
    return this.#section.bytes.subarray(this.#recordStart, this.#recordEnd)
  }

  /** All records of the batch that stand before this one, as they are stored. */
  bytesBefore(): Buffer {
    return this.#section.bytes.subarray(this.#section.start, this.#recordStart)
  }

  /** Of all records of the batch, decompressed. */
  get sectionBytes(): number {
    return this.#section.bytes.length - this.#section.start
  }

  headerText(name: string): string | null | undefined {
    const value = this.header(name)
    return value == null ? value : value.toString()
  }

  #atHeaders(): ByteReader {
    this.#reader.position = this.#headersStart
    return this.#reader
  }

  #bytes(start: number, length: number): Buffer | null {
    return length < 0 ? null : this.#section.bytes.subarray(start, start + length)
  }

  #text(start: number, length: number): string | null {
    if (length <= 0) return length < 0 ? null : ''
    return this.#section.bytes.toString('utf8', start, start + length)
  }
}
