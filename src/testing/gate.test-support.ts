/** Lets a test hold a handler where it is, and wait until it is there. */
export class Gate {
  readonly #reached = Promise.withResolvers<void>()
  readonly #opened = Promise.withResolvers<void>()

  /** For the handler: tells that it is here and waits until the gate is open. */
  pass(): Promise<void> {
    this.#reached.resolve()
    return this.#opened.promise
  }
  /** Resolves when the handler is here. */
  get reached(): Promise<void> {
    return this.#reached.promise
  }
  open(): void {
    this.#opened.resolve()
  }
}

/** Everything that was started and can go on at once has gone on. */
export const turn = () => new Promise<void>((resolve) => setImmediate(resolve))
