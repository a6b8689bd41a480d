import type { Cancel, Clock } from '../core/clock.ts'

/** What has a time limit. */
export interface Expiring {
  /** On the clock's `elapsedMs`. */
  dueMs: number
  /** Its time is up. Called once. */
  expire(): void
}

/**
 * Time limits that are all equally long: what was added first is due first, so that one timer serves all and adding
 * costs no timer. Something that ends in time is removed; the timer then finds nothing and sets itself for the next.
 */
export class Deadlines {
  readonly #clock: Clock
  readonly #limitMs: number
  readonly #waiting = new Set<Expiring>()
  #cancel: Cancel | undefined

  constructor(clock: Clock, limitMs: number) {
    this.#clock = clock
    this.#limitMs = limitMs
  }

  add(expiring: Expiring): void {
    expiring.dueMs = this.#clock.elapsedMs() + this.#limitMs
    this.#waiting.add(expiring)
    this.#cancel ??= this.#clock.schedule(this.#limitMs, this.#expireDue)
  }

  remove(expiring: Expiring): void {
    this.#waiting.delete(expiring)
  }

  close(): void {
    this.#cancel?.()
    this.#cancel = undefined
    this.#waiting.clear()
  }

  readonly #expireDue = (): void => {
    this.#cancel = undefined
    const elapsedMs = this.#clock.elapsedMs()
    for (const expiring of this.#waiting) {
      if (expiring.dueMs > elapsedMs) {
        this.#cancel = this.#clock.schedule(expiring.dueMs - elapsedMs, this.#expireDue)
        return
      }
      this.#waiting.delete(expiring)
      expiring.expire()
    }
  }
}
