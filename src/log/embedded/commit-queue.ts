import { setImmediate } from 'node:timers'
import { toError } from '../../core/errors.ts'
import { LogClosedError } from '../errors.ts'
import { LogBusyError, LogDamagedError, LogFailedError } from './errors.ts'
import type { PreparedUnit, WrittenUnits } from './unit-writer.ts'

/** While an fsync runs, units gather up to this size; more is written at once, beside the fsync. */
const gatheredBytesLimit = 256 * 1024
/** Units of one transaction: the rest waits for the next one, so that the event loop gets its turn. */
const transactionBytesLimit = 4 * 1024 * 1024
/** While another process holds SQLite's write lock, units wait up to this size; more is refused. */
const waitingBytesLimit = 64 * 1024 * 1024
/** A queue that is being closed waits so long for the lock. */
const closingDeadlineMs = 5_000
/** A process that shares the file gives the others a turn after it has had the lock for so long, about. */
const longHoldMs = 20
const yieldMs = 2

/** What the queue drives. */
export interface CommitTarget {
  /** Of the log, for messages. */
  readonly location: string
  /** One transaction. Throws for all units together: see `UnitWriter.write`. */
  write(units: readonly PreparedUnit[]): WrittenUnits
  /** Resolves when all that was written is on disk. A rejection fails the log. */
  sync(): Promise<void>
  /** Called before a transaction, when nothing is waiting for an fsync: a place for housekeeping. May throw as `write`. */
  beforeWrite(): void
  /** The log cannot go on. Called once, after what waited was rejected. */
  failed(error: Error): void
  /** Calls back after about `delayMs`, in real time. */
  retryLater(delayMs: number, callback: () => void): void
  nowMs(): number
  /** Other processes write the file too. */
  isShared(): boolean
}

interface QueuedUnit {
  readonly unit: PreparedUnit
  resolve(offsets: readonly number[]): void
  reject(error: Error): void
}
interface Unacknowledged {
  readonly queued: readonly QueuedUnit[]
  readonly written: WrittenUnits
}

/**
 * The one way into the file: units that come together share a transaction and an fsync (group commit), and each is
 * acknowledged, and shown to readers, only after the fsync.
 *
 * States: *idle* → *gathering* (until the end of this turn of the event loop) → *syncing* (written; units that come now
 * gather for the next transaction, which begins when the fsync ends, or at once when they are many) → idle or gathering.
 * While another process holds SQLite's lock the queue is *waiting*: it tries again every millisecond or two. *yielding*:
 * it had the lock for long, and leaves it to the others for a moment. *failed* is for good, after an error that leaves the outcome of a commit unknown; *closed* after `close()`.
 */
export class CommitQueue {
  readonly #target: CommitTarget
  #gathered: QueuedUnit[] = []
  #gatheredBytes = 0
  #unacknowledged: Unacknowledged[] = []
  #scheduled = false
  #syncing = false
  #isHeld = false
  /** Waits for the lock, or leaves it to others: `#write` is called by a timer. */
  #isWaiting = false
  #heldMs = 0
  #releasedAtMs = 0
  #closedAtMs = 0
  #failure: Error | undefined
  #closed = false
  #idle: (() => void)[] = []

  constructor(target: CommitTarget) {
    this.#target = target
  }

  get failure(): Error | undefined {
    return this.#failure
  }

  /** Offsets of the first record of each batch, when the unit is durable. */
  submit(unit: PreparedUnit): Promise<readonly number[]> {
    return new Promise((resolve, reject) => {
      if (this.#failure !== undefined) return reject(this.#failure)
      if (this.#closed) return reject(new LogClosedError(this.#target.location))
      if (this.#isWaiting && this.#gatheredBytes >= waitingBytesLimit) {
        const reason = new Error(`${this.#gatheredBytes} bytes wait to be written already`)
        return reject(new LogBusyError(this.#target.location, reason))
      }
      this.#gathered.push({ unit, resolve, reject })
      this.#gatheredBytes += unit.sizeInBytes
      if (!this.#syncing || this.#gatheredBytes >= gatheredBytesLimit) this.#schedule()
    })
  }

  /** Resolves when what was written to the file before the call, by whatever means, is durable. */
  async durable(): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure
    try {
      await this.#target.sync()
    } catch (error) {
      throw this.#fail(error)
    }
  }

  /** Units gather, and nothing is written, until the call that is returned. */
  hold(): () => void {
    this.#isHeld = true
    return () => {
      this.#isHeld = false
      if (this.#gathered.length > 0) this.#schedule()
    }
  }

  /** Ends the log when the error, which came up beside the queue, says so. Returns what the caller should throw. */
  failIfFatal(error: unknown): Error {
    const fatal = error instanceof LogFailedError || error instanceof LogDamagedError
    return fatal ? this.#fail(error) : toError(error)
  }

  /** Finishes what was submitted; later units are refused. Never rejects. */
  close(): Promise<void> {
    this.#closed = true
    this.#closedAtMs = this.#target.nowMs()
    if (this.#isIdle()) return Promise.resolve()
    return new Promise((resolve) => this.#idle.push(resolve))
  }

  #isIdle(): boolean {
    return this.#gathered.length === 0 && this.#unacknowledged.length === 0 && !this.#syncing
  }

  #schedule(): void {
    if (this.#scheduled || this.#isHeld || this.#isWaiting) return
    if (this.#heldMs >= longHoldMs) {
      this.#wait(yieldMs)
      return
    }
    this.#scheduled = true
    setImmediate(() => {
      this.#scheduled = false
      this.#write()
    })
  }

  #wait(delayMs: number): void {
    this.#isWaiting = true
    this.#target.retryLater(delayMs, () => {
      this.#isWaiting = false
      this.#write()
    })
  }

  #write(): void {
    if (this.#failure !== undefined || this.#isHeld || this.#gathered.length === 0) return
    const queued = this.#take()
    try {
      if (!this.#syncing) this.#target.beforeWrite()
      const beganMs = this.#target.nowMs()
      const written = this.#target.write(queued.map(({ unit }) => unit))
      this.#noteHold(beganMs)
      this.#unacknowledged.push({ queued, written })
    } catch (error) {
      this.#refuse(queued, error)
    }
    if (this.#unacknowledged.length > 0) this.#sync()
    if (this.#gathered.length > 0 && (!this.#syncing || this.#gatheredBytes >= gatheredBytesLimit)) this.#schedule()
    this.#settleIdle()
  }

  /** A pause as long as others take to try again was their turn. */
  #noteHold(beganMs: number): void {
    const nowMs = this.#target.nowMs()
    if (!this.#target.isShared() || beganMs - this.#releasedAtMs >= yieldMs) this.#heldMs = 0
    if (this.#target.isShared()) this.#heldMs += nowMs - beganMs
    this.#releasedAtMs = nowMs
  }

  /** The next transaction's units: all, up to a size. */
  #take(): QueuedUnit[] {
    let bytes = 0
    let count = 0
    while (count < this.#gathered.length && bytes < transactionBytesLimit) {
      bytes += this.#gathered[count++]!.unit.sizeInBytes
    }
    this.#gatheredBytes -= bytes
    if (count === this.#gathered.length) {
      const all = this.#gathered
      this.#gathered = []
      return all
    }
    return this.#gathered.splice(0, count)
  }

  /** Nothing of these was written, unless the error says that it is unknown. */
  #refuse(queued: readonly QueuedUnit[], error: unknown): void {
    if (error instanceof LogBusyError && !this.#isTooLate) {
      this.#waitForLock(queued)
      return
    }
    const reason = this.failIfFatal(error)
    for (const { reject } of queued) reject(reason)
  }

  get #isTooLate(): boolean {
    return this.#closed && this.#target.nowMs() - this.#closedAtMs >= closingDeadlineMs
  }

  /** Puts the units back and tries again soon. */
  #waitForLock(queued: readonly QueuedUnit[]): void {
    this.#gathered.unshift(...queued)
    for (const { unit } of queued) this.#gatheredBytes += unit.sizeInBytes
    // Jitter, so that two processes that wait for each other do not keep step.
    this.#wait(1 + Math.random())
  }

  #sync(): void {
    if (this.#syncing) return
    this.#syncing = true
    const covered = this.#unacknowledged
    this.#unacknowledged = []
    this.#target.sync().then(
      () => this.#acknowledge(covered),
      (error) => {
        const failure = this.#fail(error)
        for (const { queued } of covered) for (const { reject } of queued) reject(failure)
        this.#syncing = false
        this.#settleIdle()
      },
    )
  }

  #acknowledge(covered: readonly Unacknowledged[]): void {
    this.#syncing = false
    for (const { queued, written } of covered) {
      written.publish()
      for (const [index, { resolve, reject }] of queued.entries()) {
        const outcome = written.outcomes[index]!
        if (outcome instanceof Error) reject(outcome)
        else resolve(outcome)
      }
    }
    // Written beside the fsync: it says nothing of them.
    if (this.#unacknowledged.length > 0) this.#sync()
    if (this.#gathered.length > 0) this.#schedule()
    this.#settleIdle()
  }

  #fail(thrown: unknown): Error {
    if (this.#failure !== undefined) return this.#failure
    const error = thrown instanceof LogDamagedError ? thrown : asFailure(this.#target.location, thrown)
    this.#failure = error
    const waiting = [...this.#unacknowledged.flatMap(({ queued }) => queued), ...this.#gathered]
    this.#unacknowledged = []
    this.#gathered = []
    for (const { reject } of waiting) reject(error)
    this.#target.failed(error)
    return error
  }

  #settleIdle(): void {
    if (!this.#isIdle()) return
    for (const resolve of this.#idle.splice(0)) resolve()
  }
}

function asFailure(location: string, thrown: unknown): Error {
  return thrown instanceof LogFailedError ? thrown : new LogFailedError(location, thrown)
}
