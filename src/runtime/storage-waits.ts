import type { Clock } from '../core/clock.ts'
import { describeDuration } from '../core/duration.ts'
import type { StorageUnavailableError } from '../core/errors.ts'
import type { Logger } from '../core/logger.ts'
import type { Delivery } from './delivery.ts'
import { backoffMs } from './retry.ts'

/** Between two tries of one record. */
const trying = { attempts: 1, delayMs: 1_000, maxDelayMs: 60_000 }

/** What the waits of a component need. */
export interface StorageWaitsOptions {
  readonly clock: Pick<Clock, 'nowMs'>
  readonly logger: Logger
  readonly random: () => number
  readonly group: string
}

/**
 * Records that failed because storage was locked or full, until they have ended in any other way. They wait in memory and
 * keep their lanes: what would put them aside writes to that same storage.
 */
export class StorageWaits {
  readonly #options: StorageWaitsOptions
  readonly #waits = new Map<Delivery, { readonly tries: number; readonly dueMs: number }>()
  #reason = ''
  #sinceMs = 0

  constructor(options: StorageWaitsOptions) {
    this.#options = options
  }

  /** Why records wait, for people; undefined where none does. */
  get reason(): string | undefined {
    if (this.#waits.size === 0) return undefined
    const nextMs = Math.min(...Array.from(this.#waits.values(), ({ dueMs }) => dueMs))
    const next = nextMs > this.#options.clock.nowMs() ? `at ${new Date(nextMs).toISOString()}` : 'now'
    const records = this.#waits.size === 1 ? '1 record waits' : `${this.#waits.size} records wait`
    return `${records} since ${new Date(this.#sinceMs).toISOString()}, spending no attempts: ${this.#reason} The next try is ${next}.`
  }

  /** It failed so. When it is to be tried again, on the clock's `nowMs`: after 1 s, then 2 s … 60 s, half of it random. */
  failed(delivery: Delivery, error: StorageUnavailableError): number {
    const { clock, logger, random, group } = this.#options
    const tries = (this.#waits.get(delivery)?.tries ?? 0) + 1
    const waitMs = backoffMs(trying, tries, random)
    const dueMs = clock.nowMs() + waitMs
    if (this.#waits.size === 0) {
      this.#sinceMs = clock.nowMs()
      const wait = describeDuration(waitMs)
      logger.warn(`'${group}' waits, spending no attempts, and tries again in ${wait}: ${error.message}`, { error })
    }
    this.#reason = error.message
    this.#waits.set(delivery, { tries, dueMs })
    return dueMs
  }
  /** It ended, or failed by something else. */
  ended(delivery: Delivery): void {
    if (!this.forget(delivery) || this.#waits.size > 0) return
    const { clock, logger, group } = this.#options
    logger.info(`'${group}' goes on after ${clock.nowMs() - this.#sinceMs} ms of waiting`)
  }
  /** It is given back: that says nothing. True when it waited. */
  forget(delivery: Delivery): boolean {
    return this.#waits.delete(delivery)
  }
}
