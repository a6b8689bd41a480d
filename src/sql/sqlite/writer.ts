import type { LockWait } from '../../core/lock-wait.ts'
import { CommitOutcomeError } from '../../runtime/errors.ts'
import { DatabaseBusyError, DatabaseIoError } from '../storage-errors.ts'
import type { Connection } from './connection.ts'
import { retryWhileLocked } from './locked.ts'
import { Mutex } from './mutex.ts'
import type { Timing } from './timing.ts'

/** The connection that a writer owns, and what it tells. */
export interface WriterOptions {
  readonly connection: Connection
  readonly location: string
  readonly timing: Timing
  /** How long a lock held by another process is waited for. */
  readonly lockTimeoutMs: number
  /** Of a file: tells who has its lock for long. */
  readonly lockWait?: LockWait | undefined
  /** Called after each commit, before the next writer begins. */
  readonly committed: () => void
}
/** Who has the open transaction. */
export interface Holder {
  /** The database closes: the transaction was taken away. */
  evicted(error: Error): void
}

/**
 * The one connection that writes. SQLite has one writer a file, so transactions take turns here, in the order in which
 * they came, and wait for the lock only when another process has it: by trying again after a millisecond, since
 * SQLite's own waiting would stop the event loop.
 */
export class Writer {
  readonly connection: Connection
  readonly timing: Timing
  readonly #options: WriterOptions
  readonly #mutex = new Mutex()
  #holder: Holder | undefined
  #closed: Error | undefined
  /** A commit of unknown outcome: nothing is written after it. */
  #broken: Error | undefined

  constructor(options: WriterOptions) {
    this.connection = options.connection
    this.timing = options.timing
    this.#options = options
  }

  /** Who has kept the write lock from this process for long, for people; undefined while nobody does. */
  get blockedBy(): string | undefined {
    return this.#options.lockWait?.reason
  }
  /** What a transaction that waits would be told now; undefined while the lock is not refused. */
  get refusal(): DatabaseBusyError | undefined {
    const { lockWait, location } = this.#options
    const sinceMs = lockWait?.sinceMs
    if (sinceMs === undefined) return undefined
    return new DatabaseBusyError(location, Math.round(this.timing.elapsedMs() - sinceMs), undefined)
  }

  /** Opens a transaction; end it with `commit` or `rollback`. Throws `DatabaseBusyError`, and when it is closed. */
  async begin(holder: Holder): Promise<void> {
    const beganMs = this.timing.elapsedMs()
    await this.#mutex.acquire()
    try {
      if (this.#broken !== undefined) throw this.#broken
      this.#endLeftover()
      await this.#retryWhileLocked(() => this.connection.execute('begin immediate'), beganMs)
      this.#holder = holder
    } catch (error) {
      this.#mutex.release()
      throw error
    }
  }

  /**
   * Runs `write` and commits, with nothing in between; when either throws, the transaction is still open. `committed`
   * runs before the next writer begins, and must not throw.
   */
  commit<T>(write: (connection: Connection) => T, committed: (result: T) => void): void {
    const result = write(this.connection)
    this.#commit()
    try {
      this.#options.committed()
      committed(result)
    } finally {
      this.#leave()
    }
  }

  rollback(): void {
    try {
      this.#endLeftover()
    } catch {
      // A disk that fails even here: the next one to begin tries it again, and nothing is written before.
    }
    this.#leave()
  }

  /** Runs one statement in no transaction of ours: SQLite makes it one of its own. */
  async alone<T>(work: (connection: Connection) => T): Promise<T> {
    const beganMs = this.timing.elapsedMs()
    await this.#mutex.acquire()
    try {
      if (this.#broken !== undefined) throw this.#broken
      this.#endLeftover()
      const result = await this.#retryWhileLocked(() => work(this.connection), beganMs)
      this.#options.committed()
      return result
    } finally {
      this.#mutex.release()
    }
  }

  /** Turns away all that wait, rolls back what is open and closes the connection. */
  close(error: Error): void {
    this.#closed = error
    this.#mutex.close(error)
    const holder = this.#holder
    if (holder !== undefined) this.rollback()
    this.connection.close()
    holder?.evicted(error)
  }

  #retryWhileLocked<T>(work: () => T, beganMs: number): Promise<T> {
    return retryWhileLocked(work, { ...this.#options, beganMs, closed: () => this.#closed })
  }

  #commit(): void {
    try {
      this.connection.execute('commit')
    } catch (error) {
      if (!(error instanceof DatabaseIoError)) throw error
      // Set before another can begin: it would not count this one, whose rows may be there.
      this.#broken = new CommitOutcomeError(this.#options.location, error)
      throw this.#broken
    }
  }

  #leave(): void {
    this.#holder = undefined
    this.#mutex.release()
  }

  #endLeftover(): void {
    if (this.connection.inTransaction) this.connection.execute('rollback')
  }
}
