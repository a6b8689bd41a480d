/** Kafka's record batch v2, read by its public description alone: nothing here is the runtime's. */

/** One record as it stands in the file. */
export interface StoredRecord {
  readonly offset: number
  readonly timestampMs: number
  readonly key: string | null
  readonly value: string | null
  /** Of a repeated name the last one. */
  readonly headers: ReadonlyMap<string, string>
}

/** A batch as it stands in the file: of a compacted one offsets are left over, at its ends too. */
export interface StoredBatch {
  readonly baseOffset: number
  readonly lastOffset: number
  readonly records: readonly StoredRecord[]
}

const headerBytes = 61

/** An uncompressed batch. Throws where it is no such batch, or damaged. */
export function decodeBatch(bytes: Uint8Array, { isCompacted = false } = {}): StoredBatch {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const expect = (fits: boolean, what: string) => {
    if (!fits) throw new Error(`a batch of ${view.length} bytes is damaged: ${what}`)
  }
  expect(view.length >= headerBytes, 'it is shorter than a header')
  expect(view.readInt32BE(8) === view.length - 12, 'its length is not that of its bytes')
  expect(view.readInt8(16) === 2, 'its magic is not 2')
  expect(view.readUInt32BE(17) === crc32c(view.subarray(21)), 'its checksum is wrong')
  expect((view.readInt16BE(21) & 0b100111) === 0, 'it is compressed, or a control batch')
  const baseOffset = Number(view.readBigInt64BE(0))
  const baseTimestampMs = Number(view.readBigInt64BE(27))
  const cursor = new Cursor(view, headerBytes)
  const records: StoredRecord[] = []
  for (let left = view.readInt32BE(57); left > 0; left--) {
    const end = cursor.varint() + cursor.at
    cursor.at++ // attributes
    const timestampMs = baseTimestampMs + cursor.varint()
    const offset = baseOffset + cursor.varint()
    const key = cursor.text()
    const value = cursor.text()
    const headers = new Map<string, string>()
    for (let headersLeft = cursor.varint(); headersLeft > 0; headersLeft--) {
      const name = cursor.text() ?? ''
      headers.set(name, cursor.text() ?? '')
    }
    expect(cursor.at === end, `the record at ${offset} is not as long as it says`)
    records.push({ offset, timestampMs, key, value, headers })
  }
  expect(cursor.at === view.length, 'there are bytes behind its last record')
  const lastOffset = baseOffset + view.readInt32BE(23)
  const lastFound = records.at(-1)?.offset ?? lastOffset
  expect(
    lastFound === lastOffset || (isCompacted && lastFound < lastOffset),
    'its last offset is not that of its last record',
  )
  return { baseOffset, lastOffset, records }
}

class Cursor {
  readonly #bytes: Buffer
  at: number

  constructor(bytes: Buffer, at: number) {
    this.#bytes = bytes
    this.at = at
  }
  /** A zigzag number. */
  varint(): number {
    let value = 0
    for (let scale = 1; ; scale *= 128) {
      const byte = this.#bytes.readUInt8(this.at++)
      value += (byte & 127) * scale
      if (byte < 128) return value % 2 === 0 ? value / 2 : -(value + 1) / 2
    }
  }
  /** A length, -1 for null, and so many bytes. */
  text(): string | null {
    const length = this.varint()
    if (length < 0) return null
    this.at += length
    return this.#bytes.toString('utf8', this.at - length, this.at)
  }
}

const remainders = Uint32Array.from({ length: 256 }, (_, byte) => {
  let remainder = byte
  for (let bit = 0; bit < 8; bit++) remainder = remainder & 1 ? (remainder >>> 1) ^ 0x82f63b78 : remainder >>> 1
  return remainder
})
function crc32c(bytes: Uint8Array): number {
  let remainder = 0xffffffff
  for (const byte of bytes) remainder = remainders[(remainder ^ byte) & 255]! ^ (remainder >>> 8)
  return ~remainder >>> 0
}
