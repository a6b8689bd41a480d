import { MillraceError, withoutFullStop } from './errors.ts'

/** One thing that is wrong with an input: where (`items.0.quantity`; empty for the whole) and what. */
export interface Fault {
  readonly path: string
  readonly message: string
}

/** Options that cannot be used. Lists every fault at once; nothing was created or changed. */
export class InvalidOptionsError extends MillraceError {
  readonly code = 'INVALID_OPTIONS'
  readonly faults: readonly Fault[]
  constructor(what: string, faults: readonly Fault[]) {
    super(`${what}: ${describeFaults(faults)}`)
    this.faults = faults
  }
}

/** `items.0.quantity: expected a number; userId: required`, without a full stop: the sentence goes on around it. */
export function describeFaults(faults: readonly Fault[]): string {
  const clauses = faults.map(({ path, message }) => (path === '' ? message : `${path}: ${message}`))
  return clauses.map(withoutFullStop).join('; ')
}

/** Collects the faults of one options object, so that all of them are reported together. */
export class FaultList {
  readonly #faults: Fault[] = []

  /** Notes a fault at `path` unless `condition` holds. */
  expect(condition: boolean, path: string, message: string): void {
    if (!condition) this.#faults.push({ path, message })
  }

  /**
   * Notes each option that is not among the known ones: a misspelt one would change nothing, and nobody would learn why.
   * `known` has the keys of the options' type, so that the compiler misses a new one here.
   */
  expectOnly(options: unknown, known: Readonly<Record<string, true>>, path = ''): void {
    if (typeof options !== 'object' || options === null) return
    for (const name of Object.keys(options)) {
      const there = Object.keys(known).join(', ')
      this.expect(Object.hasOwn(known, name), `${path}${name}`, `no such option: known are ${there}`)
    }
  }

  /** Runs a parser and notes what it throws at `path`. Returns undefined then. */
  attempt<T>(path: string, parse: () => T): T | undefined {
    try {
      return parse()
    } catch (error) {
      this.#faults.push({ path, message: error instanceof Error ? error.message : String(error) })
      return undefined
    }
  }

  /** Throws `InvalidOptionsError` for `what` when there was any fault. */
  throwIfAny(what: string): void {
    if (this.#faults.length > 0) throw new InvalidOptionsError(what, this.#faults)
  }
}
