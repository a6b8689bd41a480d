/** Castagnoli polynomial, reversed. */
const polynomial = 0x82f63b78
const slices = 16

/** Table `t` at `t * 256`: the checksum of a byte followed by `t` zero bytes. */
const tables = buildTables()

function buildTables(): Int32Array {
  const built = new Int32Array(slices * 256)
  for (let byte = 0; byte < 256; byte++) {
    let checksum = byte
    for (let bit = 0; bit < 8; bit++) checksum = checksum & 1 ? (checksum >>> 1) ^ polynomial : checksum >>> 1
    built[byte] = checksum
  }
  for (let index = 256; index < built.length; index++) {
    const shorter = built[index - 256]!
    built[index] = (shorter >>> 8) ^ built[shorter & 0xff]!
  }
  return built
}

/** CRC-32C (RFC 3720, appendix B.4) of `bytes` from `start` to before `end`, as an unsigned number. Slice-by-16. */
export function crc32c(bytes: Uint8Array, start = 0, end: number = bytes.length): number {
  const table = tables
  let checksum = -1
  let at = start
  for (const last = end - slices; at <= last; at += slices) {
    checksum =
      table[0xf00 + ((checksum ^ bytes[at]!) & 0xff)]! ^
      table[0xe00 + (((checksum >>> 8) ^ bytes[at + 1]!) & 0xff)]! ^
      table[0xd00 + (((checksum >>> 16) ^ bytes[at + 2]!) & 0xff)]! ^
      table[0xc00 + ((checksum >>> 24) ^ bytes[at + 3]!)]! ^
      table[0xb00 + bytes[at + 4]!]! ^
      table[0xa00 + bytes[at + 5]!]! ^
      table[0x900 + bytes[at + 6]!]! ^
      table[0x800 + bytes[at + 7]!]! ^
      table[0x700 + bytes[at + 8]!]! ^
      table[0x600 + bytes[at + 9]!]! ^
      table[0x500 + bytes[at + 10]!]! ^
      table[0x400 + bytes[at + 11]!]! ^
      table[0x300 + bytes[at + 12]!]! ^
      table[0x200 + bytes[at + 13]!]! ^
      table[0x100 + bytes[at + 14]!]! ^
      table[bytes[at + 15]!]!
  }
  for (; at < end; at++) checksum = (checksum >>> 8) ^ table[(checksum ^ bytes[at]!) & 0xff]!
  return ~checksum >>> 0
}
