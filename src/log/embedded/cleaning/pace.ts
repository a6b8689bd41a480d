import { setTimeout } from 'node:timers/promises'

/** How long work in the background may keep the event loop at a time. */
const sliceMs = 8
/** The shortest rest; a turn of the loop would do for timers, but a busy processor is for others too. */
const shortestRestMs = 1

/**
 * Keeps work in the background out of everybody's way: it works for a few milliseconds and then rests for as long as
 * it worked, so that it takes half of the processor at most.
 */
export class Pace {
  readonly #signal: AbortSignal
  #sliceBeganMs = performance.now()

  /** When `signal` aborts, rests end with its reason. */
  constructor(signal: AbortSignal) {
    this.#signal = signal
  }

  /** It is time to call `rest`. */
  get due(): boolean {
    return performance.now() - this.#sliceBeganMs >= sliceMs
  }

  async rest(): Promise<void> {
    const workedMs = performance.now() - this.#sliceBeganMs
    await setTimeout(Math.max(shortestRestMs, workedMs), undefined, { signal: this.#signal, ref: false })
    this.#sliceBeganMs = performance.now()
  }

  /** Rests when it is due. */
  async keep(): Promise<void> {
    this.#signal.throwIfAborted()
    if (this.due) await this.rest()
  }
}
