import type { StoreBuffer } from './store-buffer.ts'

/** Marks that are looked at in one sweep, at least: with more new ones it is twice as many as those. */
const sweptAtOnce = 500
/** A sweep comes after so many new marks, and as long as the one before left some. */
const marksBetweenSweeps = 100

/**
 * What a partition remembers for a while: a short text by name, until a time. One letter tells the kind; its capital has
 * the same names in the order of their times, so that what is over is found without a look at the rest.
 */
export class Marks {
  readonly #buffer: StoreBuffer
  readonly #kind: string
  readonly #index: string
  #sinceSweep = 0
  #sweptAll = true

  constructor(buffer: StoreBuffer, kind: 'r' | 'd') {
    this.#buffer = buffer
    this.#kind = kind
    this.#index = kind.toUpperCase()
  }

  async get(name: string): Promise<string | undefined> {
    const value = await this.#buffer.get(this.#keyOf(name))
    return value === undefined ? undefined : read(value).text
  }

  /** The changes of the store that remember it. */
  writesOf(name: string, text: string, untilMs: number): readonly (readonly [key: Uint8Array, value: Uint8Array])[] {
    this.#sinceSweep++
    return [
      [this.#keyOf(name), Buffer.from(`${untilMs} ${text}`)],
      [Buffer.concat([this.#timeKey(untilMs), Buffer.from(name)]), Buffer.alloc(0)],
    ]
  }
  put(name: string, text: string, untilMs: number): void {
    for (const [key, value] of this.writesOf(name, text, untilMs)) this.#buffer.put(key, value)
  }
  remove(name: string): void {
    this.#buffer.put(this.#keyOf(name), null)
  }

  /** Forgets some of what is over, when many are new. It goes with the next commit. */
  async sweep(nowMs: number): Promise<void> {
    if (this.#sweptAll && this.#sinceSweep < marksBetweenSweeps) return
    const limit = Math.max(sweptAtOnce, 2 * this.#sinceSweep)
    this.#sinceSweep = 0
    const old = await this.#buffer.read({ from: this.#timeKey(0), to: this.#timeKey(nowMs), limit })
    this.#sweptAll = old.length < limit
    for (const [key] of old) {
      const mark = this.#keyOf(Buffer.from(key).subarray(9).toString())
      const value = await this.#buffer.get(mark)
      this.#buffer.put(key, null)
      // Put again meanwhile, for longer: that one has an entry of its own.
      if (value !== undefined && read(value).untilMs < nowMs && !this.#buffer.isPending(mark)) {
        this.#buffer.put(mark, null)
      }
    }
  }

  #keyOf(name: string): Buffer {
    return Buffer.from(this.#kind + name)
  }
  #timeKey(timeMs: number): Buffer {
    const key = Buffer.alloc(9, this.#index)
    key.writeBigUInt64BE(BigInt(Math.max(0, Math.round(timeMs))), 1)
    return key
  }
}

function read(value: Uint8Array): { readonly untilMs: number; readonly text: string } {
  const text = Buffer.from(value).toString()
  const end = text.indexOf(' ')
  return { untilMs: Number(text.slice(0, end)), text: text.slice(end + 1) }
}
