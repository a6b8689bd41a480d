/**
 * Zigzag varints as Kafka's records use them (those of Protocol Buffers): 7 bits a byte, the lowest first.
 * A varint holds 32 bits, a varlong 64; of a varlong only what a number holds exactly is used.
 */

/** Bytes that the longest varint takes. */
export const maxVarintBytes = 5
/** Bytes that the longest varlong takes. */
export const maxVarlongBytes = 10

const two28 = 2 ** 28

/** Bytes that `value`, a 32-bit integer, takes. */
export function varintSize(value: number): number {
  const zigzag = ((value << 1) ^ (value >> 31)) >>> 0
  if (zigzag < 0x80) return 1
  if (zigzag < 0x4000) return 2
  if (zigzag < 0x20_0000) return 3
  return zigzag < 0x1000_0000 ? 4 : 5
}

/** Bytes that `value`, an integer from -2^53 to 2^53, takes. */
export function varlongSize(value: number): number {
  if (value >= -0x4000_0000 && value < 0x4000_0000) return varintSize(value)
  let rest = (value < 0 ? -1 - value : value) * 2
  let size = 1
  for (; rest > 0x7f; size++) rest = Math.floor(rest / 0x80)
  return size
}

/** Writes `value`, a 32-bit integer, at `position`; returns the position after it. */
export function writeVarint(target: Uint8Array, value: number, position: number): number {
  let rest = ((value << 1) ^ (value >> 31)) >>> 0
  let at = position
  while (rest > 0x7f) {
    target[at++] = (rest & 0x7f) | 0x80
    rest >>>= 7
  }
  target[at++] = rest
  return at
}

/** Writes `value`, an integer from -2^53 to 2^53, at `position`; returns the position after it. */
export function writeVarlong(target: Uint8Array, value: number, position: number): number {
  if (value >= -0x4000_0000 && value < 0x4000_0000) return writeVarint(target, value, position)
  // -1 - value before doubling: every step stays an integer that a number holds exactly.
  const magnitude = value < 0 ? -1 - value : value
  let rest = magnitude * 2
  let at = position
  let sign = value < 0 ? 1 : 0
  while (rest > 0x7f) {
    target[at++] = (rest % 0x80) | sign | 0x80
    rest = Math.floor(rest / 0x80)
    sign = 0
  }
  target[at++] = rest
  return at
}

/**
 * Reads varints and bytes from `position` on, never at or past `end`. What cannot be read ends in the error that
 * `fault` makes of a description and a position.
 */
export class ByteReader {
  readonly bytes: Buffer
  position: number
  end: number
  readonly #fault: (description: string, position: number) => Error

  constructor(bytes: Buffer, start: number, fault: (description: string, position: number) => Error) {
    this.bytes = bytes
    this.position = start
    this.end = bytes.length
    this.#fault = fault
  }

  /** Throws: what stands at `position` cannot be. */
  fail(description: string, position: number = this.position): never {
    throw this.#fault(description, position)
  }

  readByte(): number {
    if (this.position >= this.end) this.fail('it ends in the middle of a record')
    return this.bytes[this.position++]!
  }

  readVarint(): number {
    const at = this.position
    const { bytes } = this
    if (at + 1 < this.end) {
      const first = bytes[at]!
      if (first < 0x80) {
        this.position = at + 1
        return (first >>> 1) ^ -(first & 1)
      }
      const second = bytes[at + 1]!
      if (second < 0x80) {
        const zigzag = (first & 0x7f) | (second << 7)
        this.position = at + 2
        return (zigzag >>> 1) ^ -(zigzag & 1)
      }
    }
    return this.#readLongVarint()
  }

  #readLongVarint(): number {
    const start = this.position
    let zigzag = 0
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.readByte()
      zigzag |= (byte & 0x7f) << shift
      if (byte < 0x80) {
        if (shift === 28 && byte > 0x0f) break
        return (zigzag >>> 1) ^ -(zigzag & 1)
      }
    }
    return this.fail('a varint is longer than 32 bits', start)
  }

  /** Throws for a value beyond -2^53 to 2^53. */
  readVarlong(): number {
    const start = this.position
    // Three groups that bit operations can hold: bits 0 to 27, 28 to 55, 56 to 63.
    let low = 0
    let middle = 0
    let high = 0
    for (let index = 0; index < maxVarlongBytes; index++) {
      const byte = this.readByte()
      const bits = byte & 0x7f
      if (index < 4) low |= bits << (7 * index)
      else if (index < 8) middle |= bits << (7 * index - 28)
      else high |= bits << (7 * index - 56)
      if (byte < 0x80) {
        const magnitude = (low >>> 1) + middle * (two28 / 2)
        if (high !== 0 || magnitude > 2 ** 53 - (low & 1)) this.fail('a number is beyond 2^53', start)
        return low & 1 ? -magnitude - 1 : magnitude
      }
    }
    return this.fail('a varint is longer than 64 bits', start)
  }
}
