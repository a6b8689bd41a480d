import type { Cancel, Clock } from './clock.ts'

interface Scheduled {
  readonly atMs: number
  readonly callback: () => void
}

/** A clock that stands still until it is moved, for tests. Callbacks run inside `advanceTo`, in the order of their times. */
export class ManualClock implements Clock {
  #nowMs: number
  /** In the order in which they were scheduled. */
  readonly #scheduled = new Set<Scheduled>()

  /** Stands at the epoch by default. */
  constructor(start: Date | number = 0) {
    this.#nowMs = Number(start)
  }

  readonly now = (): Date => new Date(this.#nowMs)
  nowMs(): number {
    return this.#nowMs
  }
  elapsedMs(): number {
    return this.#nowMs
  }
  schedule(delayMs: number, callback: () => void): Cancel {
    const entry: Scheduled = { atMs: this.#nowMs + Math.max(0, delayMs), callback }
    this.#scheduled.add(entry)
    return () => void this.#scheduled.delete(entry)
  }
  scheduleAt(timeMs: number, callback: () => void): Cancel {
    return this.schedule(timeMs - this.#nowMs, callback)
  }

  /** When the next callback is due, in milliseconds since the epoch; undefined when there is none. */
  get nextAtMs(): number | undefined {
    return this.#next()?.atMs
  }

  /** Moves to a time, not back, running what is due until then, each at its own time, also what callbacks schedule. */
  advanceTo(timeMs: number): void {
    for (let next = this.#next(); next !== undefined && next.atMs <= timeMs; next = this.#next()) {
      this.#scheduled.delete(next)
      this.#nowMs = Math.max(this.#nowMs, next.atMs)
      next.callback()
    }
    this.#nowMs = Math.max(this.#nowMs, timeMs)
  }

  advanceBy(durationMs: number): void {
    this.advanceTo(this.#nowMs + durationMs)
  }

  #next(): Scheduled | undefined {
    let first: Scheduled | undefined
    for (const entry of this.#scheduled) if (first === undefined || entry.atMs < first.atMs) first = entry
    return first
  }
}
