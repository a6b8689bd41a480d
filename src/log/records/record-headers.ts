import type { ByteReader } from './varint.ts'

/** A header as it was read: null and empty differ. The bytes are a view of the batch's. */
export type ReadHeader = readonly [name: string, value: Buffer | null]

/** The headers from `reader.position` on, in order. Throws unless they end where the record does. */
export function readHeaders(reader: ByteReader, count: number): ReadHeader[] {
  const { bytes } = reader
  const headers: ReadHeader[] = []
  for (let index = 0; index < count; index++) {
    const nameLength = readNameLength(reader)
    const nameStart = reader.position
    reader.position += nameLength
    const valueLength = readLength(reader, 'header value')
    const value = valueLength < 0 ? null : bytes.subarray(reader.position, reader.position + valueLength)
    if (value !== null) reader.position += valueLength
    headers.push([bytes.toString('utf8', nameStart, nameStart + nameLength), value])
  }
  expectEnd(reader)
  return headers
}

/** The value of the last header of that name; undefined when there is none. Reads all, as `readHeaders` does. */
export function findHeader(reader: ByteReader, count: number, name: string): Buffer | null | undefined {
  let found: Buffer | null | undefined
  for (let index = 0; index < count; index++) {
    const nameLength = readNameLength(reader)
    const nameStart = reader.position
    reader.position += nameLength
    const valueLength = readLength(reader, 'header value')
    if (isName(name, reader.bytes, { start: nameStart, length: nameLength })) {
      found = valueLength < 0 ? null : reader.bytes.subarray(reader.position, reader.position + valueLength)
    }
    if (valueLength > 0) reader.position += valueLength
  }
  expectEnd(reader)
  return found
}

/** A length that what is left of the record can hold; -1 stands for null. */
export function readLength(reader: ByteReader, what: string): number {
  const start = reader.position
  const length = reader.readVarint()
  if (length < -1 || length > reader.end - reader.position) {
    reader.fail(`the length of a ${what} is ${length}, with ${reader.end - reader.position} bytes left`, start)
  }
  return length
}

function readNameLength(reader: ByteReader): number {
  const start = reader.position
  const length = readLength(reader, 'header name')
  if (length < 0) reader.fail('a header has no name', start)
  return length
}

function expectEnd(reader: ByteReader): void {
  if (reader.position !== reader.end) reader.fail(`${reader.end - reader.position} bytes follow a record's last header`)
}

/** Compares without decoding as long as the bytes are ASCII: a record is often asked for several names. */
function isName(name: string, bytes: Buffer, place: { readonly start: number; readonly length: number }): boolean {
  const { start, length } = place
  for (let index = 0; index < length; index++) {
    const byte = bytes[start + index]!
    if (byte > 0x7f) return bytes.toString('utf8', start, start + length) === name
    if (byte !== name.charCodeAt(index)) return false
  }
  return length === name.length
}
