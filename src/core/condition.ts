/** Promises that wait for a state: whoever changes it calls `changed`. */
export class Condition {
  readonly #waiting = new Set<() => void>()

  /** Resolves when `holds` does, at once or at a later `changed`. */
  until(holds: () => boolean): Promise<void> {
    if (holds()) return Promise.resolve()
    return new Promise((resolve) => {
      const look = () => {
        if (!holds()) return
        this.#waiting.delete(look)
        resolve()
      }
      this.#waiting.add(look)
    })
  }

  changed(): void {
    if (this.#waiting.size > 0) for (const look of [...this.#waiting]) look()
  }
}
