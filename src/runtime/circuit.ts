import type { Cancel } from '../core/clock.ts'
import { toError } from '../core/errors.ts'
import { UnreadableRecordError } from '../topics/errors.ts'
import type { Host } from './attachment.ts'
import type { Delivery } from './delivery.ts'
import { RejectError, RetryAfterError } from './failures.ts'
import { backoffMs } from './retry.ts'
import { tellClosed, tellOpened } from './status/diagnostic-events.ts'
import { findStorageError } from './storage-retry.ts'

/** Whether an error means that something which handlers need is away, and not that there is something wrong with the record. */
export type PauseOn = (error: Error) => boolean

/** Between two probes: doubles from the delay on. */
const probing = { attempts: 1, delayMs: 1_000, maxDelayMs: 30_000 }
const mostErrorText = 500

/** Why a component waits, for people and for status. */
export interface Outage {
  /** What the handler threw last. */
  readonly reason: string
  readonly sinceMs: number
  /** When the next probe starts; undefined while one runs, or may. */
  readonly probeAtMs: number | undefined
  /** Records that failed because of it, and wait in memory. */
  readonly waiting: number
  /** Held and delayed records that became due meanwhile, and wait in the store. */
  readonly postponed: number
}

/** What a circuit is made with. */
export interface CircuitOptions {
  readonly host: Pick<Host, 'clock' | 'logger' | 'random'>
  readonly group: string
  readonly pauseOn: PauseOn
  /** Something may start now that could not before. */
  readonly opened: () => void
}

/**
 * Holds a component back while something that its handlers need is away. One for all its partitions in this process.
 *
 *     closed → open           a handler failed with an error that `pauseOn` knows: nothing starts any more
 *     open → probing          after a wait of 1 s, then 2 s … 30 s, half of it random: one record may start, of those
 *                             that failed the first, else whichever comes
 *     probing → open          the probe failed with such an error again
 *     probing → closed        it ended in any other way: whatever waits may start
 *
 * No attempt is spent and nothing dies: a record that failed so waits in memory, unfinished, and keeps its lane. What ran
 * at the opening goes on; failing with such an error it waits too, and its success does not close the circuit, for it may
 * be older than the outage. A probe that is given back (its partition moves) says nothing: the next one that starts is the
 * probe.
 */
export class Circuit {
  readonly #options: CircuitOptions
  /** What failed and waits, with how it goes on. */
  readonly #waiting = new Map<Delivery, () => void>()
  /** What became due meanwhile and stays in the store. */
  #postponed: (() => void)[] = []
  #state: 'closed' | 'open' | 'probing' = 'closed'
  #reason = ''
  #sinceMs = 0
  #probes = 0
  #probe: Delivery | undefined
  #probeAtMs: number | undefined
  #cancel: Cancel | undefined

  constructor(options: CircuitOptions) {
    this.#options = options
  }

  /** Whether one more record may start. */
  get mayStart(): boolean {
    return this.#state === 'closed' || (this.#state === 'probing' && this.#probe === undefined)
  }
  /** Undefined while it is closed. */
  get outage(): Outage | undefined {
    if (this.#state === 'closed') return undefined
    return {
      reason: this.#reason,
      sinceMs: this.#sinceMs,
      probeAtMs: this.#probeAtMs,
      waiting: this.#waiting.size,
      postponed: this.#postponed.length,
    }
  }

  /** An attempt starts: the first while probing is the probe. */
  started(delivery: Delivery): void {
    if (this.#state === 'probing') this.#probe ??= delivery
  }
  /** An attempt ended well. */
  succeeded(delivery: Delivery): void {
    if (delivery === this.#probe) this.#close()
  }
  /** What comes of this record tells what would have come of the other, in which it was handled. */
  passOn(from: Delivery, to: Delivery): void {
    if (from === this.#probe) this.#probe = to
  }
  /** It ended, and that tells nothing. */
  gaveBack(delivery: Delivery): void {
    if (delivery !== this.#probe) return
    this.#probe = undefined
    this.#options.opened()
  }
  /**
   * An attempt failed. True when it is because of an outage: then the record waits, and `resume` is called when it may be
   * tried again.
   */
  failed(delivery: Delivery, error: Error, resume: () => void): boolean {
    if (error instanceof UnreadableRecordError) {
      this.gaveBack(delivery)
      return false
    }
    if (!this.#isOutage(error)) {
      // A database that is locked says nothing about what the handler needs beside it.
      if (findStorageError(error) === undefined) this.succeeded(delivery)
      else this.gaveBack(delivery)
      return false
    }
    this.#waiting.set(delivery, resume)
    this.#reason = error.message.slice(0, mostErrorText)
    const leastMs = error instanceof RetryAfterError ? error.delayMs : 0
    if (this.#state === 'closed') this.#open(error, leastMs)
    else if (delivery === this.#probe) this.#wait(leastMs)
    return true
  }
  /** A record that waits is given back. */
  forget(delivery: Delivery): void {
    this.#waiting.delete(delivery)
  }
  /** Leaves what became due in the store until something may start; false when it may now. */
  postpone(wake: () => void): boolean {
    if (this.#state !== 'open') return false
    this.#postponed.push(wake)
    return true
  }
  /** No probe comes any more. */
  close(): void {
    this.#cancel?.()
    this.#cancel = undefined
  }

  #isOutage(error: Error): boolean {
    if (error instanceof RejectError) return false
    try {
      return this.#options.pauseOn(error) === true
    } catch (thrown) {
      const { host, group } = this.#options
      host.logger.warn(`'${group}': its pauseOn threw, which counts as false: ${toError(thrown).message}`, {
        error: thrown,
      })
      return false
    }
  }

  #open(error: Error, leastMs: number): void {
    const { host, group } = this.#options
    this.#sinceMs = host.clock.nowMs()
    const waitMs = this.#wait(leastMs)
    tellOpened(group, { error, probeInMs: waitMs })
    host.logger.warn(`'${group}' waits, and tries again in ${waitMs} ms: ${error.message}`, { error })
  }
  #wait(leastMs: number): number {
    const { clock, random } = this.#options.host
    this.#state = 'open'
    this.#probe = undefined
    const waitMs = Math.max(leastMs, backoffMs(probing, ++this.#probes, random))
    this.#probeAtMs = clock.nowMs() + waitMs
    this.#cancel = clock.schedule(waitMs, this.#startProbing)
    return waitMs
  }
  readonly #startProbing = (): void => {
    this.#state = 'probing'
    this.#probeAtMs = undefined
    const [first] = this.#waiting
    if (first === undefined) this.#wakePostponed()
    else this.#resume(...first)
    this.#options.opened()
  }
  #close(): void {
    const { host, group } = this.#options
    this.#state = 'closed'
    this.#probe = undefined
    this.#probes = 0
    const waitedMs = host.clock.nowMs() - this.#sinceMs
    tellClosed(group, waitedMs)
    host.logger.info(`'${group}' goes on after ${waitedMs} ms of waiting`)
    for (const [delivery, resume] of [...this.#waiting]) this.#resume(delivery, resume)
    this.#wakePostponed()
    this.#options.opened()
  }
  #resume(delivery: Delivery, resume: () => void): void {
    this.#waiting.delete(delivery)
    resume()
  }
  #wakePostponed(): void {
    const postponed = this.#postponed
    this.#postponed = []
    for (const wake of postponed) wake()
  }
}
