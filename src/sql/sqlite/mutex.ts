/** A lock for code that awaits: one holder, the others in the order in which they came. */
export class Mutex {
  #held = false
  #closed: Error | undefined
  #waiting: { resolve(): void; reject(error: Error): void }[] = []

  /** Resolves when the caller holds it. Rejects after `close`. */
  acquire(): Promise<void> {
    if (this.#closed !== undefined) return Promise.reject(this.#closed)
    if (this.#held) return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }))
    this.#held = true
    return Promise.resolve()
  }

  /** Handed to the first that waits without being free in between, so that nobody overtakes. */
  release(): void {
    const next = this.#waiting.shift()
    if (next === undefined) this.#held = false
    else next.resolve()
  }

  /** Those that wait, and all later ones, get `error`; the holder keeps it until it releases. */
  close(error: Error): void {
    this.#closed = error
    const waiting = this.#waiting
    this.#waiting = []
    for (const { reject } of waiting) reject(error)
  }
}
