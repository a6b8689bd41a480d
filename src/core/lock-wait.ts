import type { Logger } from './logger.ts'
import { describeProcess, processesWriting } from './sqlite-locks.ts'

/** How long SQLite's write lock may be with another process before it is reported. */
const reportAfterMs = 5_000

/**
 * Tells when another process has kept SQLite's write lock for long: who it is, and how to end it. Such a process was
 * stopped in the middle of a commit, or is a program that is not ours; nothing can be written until it goes on.
 *
 *     free → blocked (since the first refusal) → reported, once → free
 */
export class LockWait {
  readonly #what: 'log' | 'database'
  readonly #path: string
  readonly #logger: Logger
  readonly #nowMs: () => number
  /** Where the system does not tell who has a lock: who might. */
  readonly #others: () => readonly number[]
  #sinceMs: number | undefined
  #holders: string | undefined

  constructor(options: {
    /** What the file is. */
    readonly what: 'log' | 'database'
    readonly path: string
    readonly logger: Logger
    readonly nowMs: () => number
    readonly others?: () => readonly number[]
  }) {
    this.#what = options.what
    this.#path = options.path
    this.#logger = options.logger
    this.#nowMs = options.nowMs
    this.#others = options.others ?? (() => [])
  }

  /** The lock was refused. */
  blocked(): void {
    const nowMs = this.#nowMs()
    this.#sinceMs ??= nowMs
    if (this.#holders !== undefined || nowMs - this.#sinceMs < reportAfterMs) return
    this.#holders = this.#describeHolders()
    this.#logger.warn(
      `The ${this.#what} ${this.#path} cannot be written: ${this.#holders} has kept its write lock for ${reportAfterMs / 1000} s. ${lockAdvice} What is being committed waits.`,
    )
  }

  /** The lock was given. */
  free(): void {
    this.#sinceMs = undefined
    if (this.#holders === undefined) return
    this.#holders = undefined
    this.#logger.info(`The ${this.#what} ${this.#path} can be written again.`)
  }

  /** Since when the lock is refused, as `nowMs` says; undefined while it is not. */
  get sinceMs(): number | undefined {
    return this.#sinceMs
  }
  /** Why nothing is written, for people; undefined while it is. */
  get reason(): string | undefined {
    const { whereabouts } = this
    return whereabouts && `the ${this.#what}'s write lock is ${whereabouts}. ${lockAdvice}`
  }
  /** With whom the lock is, once that is reported. */
  get whereabouts(): string | undefined {
    if (this.#holders === undefined || this.#sinceMs === undefined) return undefined
    const seconds = Math.round((this.#nowMs() - this.#sinceMs) / 1000)
    return `with ${this.#holders} for ${seconds} s: nothing can be written`
  }

  #describeHolders(): string {
    const all = processesWriting(this.#path) ?? []
    const holders = all.filter((processId) => processId !== process.pid)
    if (holders.length > 0) return holders.map(describeProcess).join(', ')
    if (all.length > 0) return 'another connection of this process'
    const others = this.#others()
    return others.length === 0 ? 'another program' : `another program, or ${others.map(describeProcess).join(', ')},`
  }
}

/** What to do about who keeps the lock. */
export const lockAdvice = 'If it is stopped, let it go on (kill -CONT with its number) or end it (kill -KILL).'
