import { hash } from 'node:crypto'

/** A table that is fuller than this takes long to search. */
const highestLoad = 0.75
const wordsPerKey = 4

/**
 * The last offset of each key, for a number of keys that is known before: 128 bits of a key's SHA-256 stand for it, so
 * that a million keys take 32 MB whatever their length, and none of it is the garbage collector's. Two keys with the same
 * 128 bits do not occur.
 */
export class KeyOffsets {
  readonly capacity: number
  readonly #slots: number
  readonly #words: Uint32Array
  /** One more than the offset; 0 is an empty slot. */
  readonly #offsets: Float64Array
  #size = 0

  constructor(capacity: number) {
    this.capacity = capacity
    this.#slots = Math.ceil(capacity / highestLoad) + 1
    this.#words = new Uint32Array(this.#slots * wordsPerKey)
    this.#offsets = new Float64Array(this.#slots)
  }

  get size(): number {
    return this.#size
  }

  /** Replaces the offset that the key had. There must be room. */
  set(key: Uint8Array, offset: number): void {
    const digest = hash('sha256', key, 'buffer')
    const slot = this.#slotOf(digest)
    if (this.#offsets[slot] === 0) {
      this.#size++
      for (let word = 0; word < wordsPerKey; word++) {
        this.#words[slot * wordsPerKey + word] = digest.readUInt32LE(word * 4)
      }
    }
    this.#offsets[slot] = offset + 1
  }

  get(key: Uint8Array): number | undefined {
    if (this.#size === 0) return undefined
    const stored = this.#offsets[this.#slotOf(hash('sha256', key, 'buffer'))]!
    return stored === 0 ? undefined : stored - 1
  }

  /** Where the key stands, or the empty slot where it would. */
  #slotOf(digest: Buffer): number {
    const words = this.#words
    const one = digest.readUInt32LE(0)
    const two = digest.readUInt32LE(4)
    const three = digest.readUInt32LE(8)
    const four = digest.readUInt32LE(12)
    for (let slot = one % this.#slots; ; slot = slot + 1 === this.#slots ? 0 : slot + 1) {
      if (this.#offsets[slot] === 0) return slot
      const at = slot * wordsPerKey
      if (words[at] === one && words[at + 1] === two && words[at + 2] === three && words[at + 3] === four) return slot
    }
  }
}
