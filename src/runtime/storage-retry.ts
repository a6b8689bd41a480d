import { StorageUnavailableError } from '../core/errors.ts'
import type { Logger } from '../core/logger.ts'
import { RejectError, RetryAfterError } from './failures.ts'
import { backoffMs } from './retry.ts'

/** Between two tries of a step. Short: the end of whoever tries waits for this. */
const trying = { attempts: 1, delayMs: 50, maxDelayMs: 1_000 }
/** Errors around an error that are looked through. */
const mostCauses = 8

/**
 * That storage is locked or full, where an error says so, or one that it came from does: a statement on a transaction
 * which a full disk has ended. A handler that refuses a record, or names a time, has decided by itself.
 */
export function findStorageError(error: unknown): StorageUnavailableError | undefined {
  let each = error
  for (let depth = 0; depth < mostCauses && each instanceof Error; depth++) {
    if (each instanceof StorageUnavailableError) return each
    if (each instanceof RejectError || each instanceof RetryAfterError) return undefined
    each = each.cause
  }
  return undefined
}

/** Who tries again, and what for. */
export interface StorageRetryOptions {
  readonly logger: Logger
  readonly random: () => number
  /** For messages: `'sums'`. */
  readonly who: string
  /** False when it is not tried again: the error is thrown. */
  readonly goesOn: () => boolean
  /** Nothing waits any more. */
  readonly wentOn?: () => void
}

/**
 * Does the steps of a component that are no handler's, again and again while a log or a database is locked or full. For
 * what has no effect when it throws such an error. Real time: a lock does not wait for an app's clock.
 */
export class StorageRetry {
  readonly #options: StorageRetryOptions
  /** Of the steps that wait. */
  readonly #waiting = new Map<object, StorageUnavailableError>()
  #sinceMs = 0

  constructor(options: StorageRetryOptions) {
    this.#options = options
  }

  /** Why some step waits, for people; undefined while none does. */
  get reason(): string | undefined {
    return this.#waiting.values().next().value?.message
  }

  /** What `work` gives, once it is not refused. Any other error is thrown, and this one when `goesOn` is false. */
  async run<T>(work: () => T | Promise<T>, goesOn: () => boolean = this.#options.goesOn): Promise<T> {
    const step = {}
    try {
      for (let tries = 1; ; tries++) {
        try {
          return await work()
        } catch (error) {
          if (!(error instanceof StorageUnavailableError) || !goesOn()) throw error
          this.#refused(step, error)
        }
        const waitMs = backoffMs(trying, tries, this.#options.random)
        await new Promise((resolve) => setTimeout(resolve, waitMs))
      }
    } finally {
      this.#ended(step)
    }
  }

  #refused(step: object, error: StorageUnavailableError): void {
    const { logger, who } = this.#options
    if (this.#waiting.size === 0) {
      this.#sinceMs = performance.now()
      logger.warn(`${who} waits and tries again until that is over: ${error.message}`, { error })
    }
    this.#waiting.set(step, error)
  }
  #ended(step: object): void {
    if (!this.#waiting.delete(step) || this.#waiting.size > 0) return
    const { logger, who, goesOn, wentOn } = this.#options
    if (!goesOn()) return
    logger.info(`${who} goes on after ${Math.round(performance.now() - this.#sinceMs)} ms of waiting`)
    wentOn?.()
  }
}
