import type { Writable } from 'node:stream'

const width = 30

/** How far something is: a bar that is drawn again on a terminal, a line for each tenth elsewhere. */
export class ProgressBar {
  readonly #output: Writable & { readonly isTTY?: boolean }
  #shown = -1

  constructor(output: Writable & { readonly isTTY?: boolean }) {
    this.#output = output
  }

  /** `progress` from 0 to 1. */
  show(progress: number, text: string): void {
    const step = Math.floor(progress * (this.#output.isTTY === true ? 100 : 10))
    if (step <= this.#shown) return
    this.#shown = step
    const percent = `${Math.floor(progress * 100)} %`.padStart(5)
    if (this.#output.isTTY !== true) {
      this.#output.write(`${percent}  ${text}\n`)
      return
    }
    const full = Math.round(progress * width)
    const bar = `${'█'.repeat(full)}${'░'.repeat(width - full)}`
    this.#output.write(`\r\x1b[K${bar} ${percent}  ${text}${progress === 1 ? '\n' : ''}`)
  }

  /** A line of its own above the bar. */
  tell(line: string): void {
    this.#output.write(`${this.#output.isTTY === true ? '\r\x1b[K' : ''}${line}\n`)
  }
}
