import type { Logger } from '../../../core/logger.ts'
import type { Finding } from '../../admin.ts'
import { LogBusyError } from '../errors.ts'
import { describeProcess, processesWriting } from '../write-ahead-log/wal-holders.ts'

/** How long SQLite's write lock may be with another process before it is reported. */
const reportAfterMs = 5_000

/**
 * Tells when another process has kept SQLite's write lock for long: who it is, and how to end it. Such a process was
 * stopped in the middle of a commit, or is a program that is not ours; nothing can be written until it goes on.
 *
 *     free → blocked (since the first refusal) → reported, once → free
 */
export class LockWait {
  readonly #path: string
  readonly #logger: Logger
  readonly #nowMs: () => number
  /** Where the system does not tell who has a lock: who might. */
  readonly #others: () => readonly number[]
  #sinceMs: number | undefined
  #holders: string | undefined

  constructor(options: {
    readonly path: string
    readonly logger: Logger
    readonly nowMs: () => number
    readonly others: () => readonly number[]
  }) {
    this.#path = options.path
    this.#logger = options.logger
    this.#nowMs = options.nowMs
    this.#others = options.others
  }

  /** The lock was refused. */
  blocked(): void {
    const nowMs = this.#nowMs()
    this.#sinceMs ??= nowMs
    if (this.#holders !== undefined || nowMs - this.#sinceMs < reportAfterMs) return
    this.#holders = this.#describeHolders()
    this.#logger.warn(
      `The log ${this.#path} cannot be written: ${this.#holders} has kept its write lock for ${reportAfterMs / 1000} s. ${lockAdvice} What is being committed waits.`,
    )
  }

  /** The lock was given. */
  free(): void {
    this.#sinceMs = undefined
    if (this.#holders === undefined) return
    this.#holders = undefined
    this.#logger.info(`The log ${this.#path} can be written again.`)
  }

  /** Why nothing is written, for people; undefined while it is. */
  get reason(): string | undefined {
    const { finding } = this
    return finding && `the log's write lock is ${finding.value}. ${lockAdvice}`
  }
  /** For a diagnosis; nothing when the lock is free. */
  get finding(): Finding | undefined {
    if (this.#holders === undefined || this.#sinceMs === undefined) return undefined
    const seconds = Math.round((this.#nowMs() - this.#sinceMs) / 1000)
    const value = `with ${this.#holders} for ${seconds} s: nothing can be written`
    return { subject: 'write lock', value, verdict: 'bad', advice: lockAdvice }
  }

  #describeHolders(): string {
    const holders = processesWriting(this.#path)?.filter((processId) => processId !== process.pid) ?? []
    if (holders.length > 0) return holders.map(describeProcess).join(', ')
    const others = this.#others()
    return others.length === 0 ? 'another program' : `another program, or ${others.map(describeProcess).join(', ')},`
  }
}

/** What to do about who keeps the lock. */
export const lockAdvice = 'If it is stopped, let it go on (kill -CONT with its number) or end it (kill -KILL).'

/**
 * Tries `attempt` until SQLite's locks allow it: at once, then every millisecond or two, with jitter, so that processes
 * which wait for each other do not keep step. Throws `LogBusyError` only when `giveUp` says so.
 */
export async function whenFree<T>(attempt: () => T, giveUp: () => boolean): Promise<T> {
  for (;;) {
    try {
      return attempt()
    } catch (error) {
      if (!(error instanceof LogBusyError) || giveUp()) throw error
    }
    await new Promise((resolve) => setTimeout(resolve, 1 + Math.random()))
  }
}
