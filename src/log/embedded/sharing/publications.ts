/**
 * What was written to the file, by this process or another, in the order in which it was: shown to readers when it is
 * durable, in that order. An fsync that began after an entry was added covers the entry and all before it.
 */
export class Publications {
  #waiting: (() => void)[] = []
  #shown = 0

  /** The number of the newest entry. */
  get last(): number {
    return this.#shown + this.#waiting.length
  }

  /** Returns the entry's number. `show` must not throw. */
  add(show: () => void): number {
    this.#waiting.push(show)
    return this.last
  }

  /** Whether the entry of this number was shown. */
  isShown(number: number): boolean {
    return number <= this.#shown
  }

  /** Everything up to the entry of this number is durable. */
  showUpTo(number: number): void {
    const count = number - this.#shown
    if (count <= 0) return
    const due = count === this.#waiting.length ? this.#waiting : this.#waiting.slice(0, count)
    this.#waiting = count === this.#waiting.length ? [] : this.#waiting.slice(count)
    // Counted first: what is shown may wake somebody who asks.
    this.#shown = number
    for (const show of due) show()
  }
}
