/** Samples that are kept: one a second, for a minute. */
const mostSamples = 61
const sampleEveryMs = 1_000

/** A count at a moment of the monotonic clock. */
interface Sample {
  readonly atMs: number
  readonly count: number
}

/**
 * How many a second, lately. An event costs one addition to `count`; a timer takes a sample each second.
 *
 *     stopped → started → stopped   `rate` works in any of them
 */
export class RateMeter {
  /** Events so far; its owner adds to it. */
  count = 0
  readonly #nowMs: () => number
  #samples: Sample[] = []
  #timer: NodeJS.Timeout | undefined

  /** `nowMs` is monotonic. */
  constructor(nowMs: () => number = () => performance.now()) {
    this.#nowMs = nowMs
  }

  /** Begins to take samples. The timer keeps no process alive. */
  start(): void {
    this.sample()
    this.#timer ??= setInterval(() => this.sample(), sampleEveryMs).unref()
  }
  stop(): void {
    clearInterval(this.#timer)
    this.#timer = undefined
  }

  sample(): void {
    this.#samples.push({ atMs: this.#nowMs(), count: this.count })
    if (this.#samples.length > mostSamples) this.#samples.shift()
  }

  /** Events a second over the last so many milliseconds; since the start, where that is shorter ago. 0 before it. */
  rate(windowMs: number): number {
    const nowMs = this.#nowMs()
    const since = this.#samples.findLast(({ atMs }) => atMs <= nowMs - windowMs) ?? this.#samples[0]
    if (since === undefined) return 0
    // A few events within milliseconds of the start are no thousands a second.
    const elapsedMs = Math.max(nowMs - since.atMs, sampleEveryMs)
    return ((this.count - since.count) * 1_000) / elapsedMs
  }
}
