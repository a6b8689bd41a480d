import { closeSync, fdatasync, fdatasyncSync, openSync } from 'node:fs'
import { setImmediate } from 'node:timers'
import { MillraceError, messageOf } from './errors.ts'

/** The system could not put written data on disk, or the file was closed: what was waiting may or may not survive. */
export class FileSyncError extends MillraceError {
  readonly code = 'FILE_SYNC_FAILED'
  constructor(path: string, cause: unknown) {
    super(
      `Data written to ${path} could not be made durable (${messageOf(cause)}). What was waiting may be lost at a power cut: check the disk, then open the file again.`,
      { cause },
    )
  }
}

/** The calls to the system, replaceable in tests. */
export interface SyncCalls {
  open(path: string): number
  close(descriptor: number): void
  /** Blocks until the file's data is on disk. */
  sync(descriptor: number): void
  /** The same on a thread of the pool. */
  syncOffLoop(descriptor: number, done: (error: unknown) => void): void
  /** A monotonic clock, in milliseconds. */
  nowMs(): number
}
/** How a file is synced; tests replace the calls. */
export interface FileSyncOptions {
  /** While fsyncs take at least this long on average, they are done off the event loop, in milliseconds. Default 1. */
  readonly inlineLimitMs?: number
  readonly calls?: SyncCalls
}

// On macOS libuv's fdatasync is F_FULLFSYNC: through the drive's cache.
const systemCalls: SyncCalls = {
  open: (path) => openSync(path, 'r+'),
  close: closeSync,
  sync: fdatasyncSync,
  syncOffLoop: (descriptor, done) => fdatasync(descriptor, done),
  nowMs: () => performance.now(),
}
/** Weight of the last fsync in what one takes of late: a busy machine makes single ones slow, a slow disk makes all. */
const lastWeight = 0.1

interface Waiter {
  resolve(): void
  reject(error: Error): void
}

/**
 * Makes what was written to a file durable, with one fdatasync for all that wait (group commit).
 *
 * States: *idle* → *gathering* (somebody waits; until the end of this turn of the event loop others join) → *syncing*
 * → idle, or gathering again for those that came meanwhile: their bytes may have been written after the fsync began,
 * so it says nothing of them. → *failed* at the first error, for good: after a failed fsync the kernel may have
 * dropped the dirty pages and the next one would succeed without them. → *closed*.
 *
 * While an fsync takes less than `inlineLimitMs` of late it is called on the event loop, because a trip to the thread pool
 * costs a quarter of it; a slower one goes to the pool, so that it never blocks the process.
 */
export class FileSync {
  readonly path: string
  readonly #calls: SyncCalls
  readonly #inlineLimitMs: number
  readonly #descriptor: number
  #gathering: Waiter[] = []
  #scheduled = false
  #syncing = false
  #failure: FileSyncError | undefined
  #recentMs: number | undefined
  #drained: (() => void) | undefined
  #closing: Promise<void> | undefined

  /** Opens `path`, which must exist; throws the system's error when it cannot. */
  constructor(path: string, options: FileSyncOptions = {}) {
    this.path = path
    this.#calls = options.calls ?? systemCalls
    this.#inlineLimitMs = options.inlineLimitMs ?? 1
    this.#descriptor = this.#calls.open(path)
  }

  /** An fsync runs off the event loop now; calls wait for the next one. */
  get syncing(): boolean {
    return this.#syncing
  }

  /** What an fsync takes of late, in milliseconds; 0 before the first. */
  get recentMs(): number {
    return this.#recentMs ?? 0
  }

  /**
   * Resolves when all that was written to the file before the call is on disk. Rejects with `FileSyncError` when the
   * fsync fails, as does every later call, and after `close()`.
   */
  sync(): Promise<void> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure)
    if (this.#closing !== undefined) return Promise.reject(new FileSyncError(this.path, 'the file is closed'))
    return new Promise((resolve, reject) => {
      this.#gathering.push({ resolve, reject })
      this.#schedule()
    })
  }

  /** Closes the file when those that wait were served. Idempotent. */
  close(): Promise<void> {
    this.#closing ??= this.#drain().then(() => this.#calls.close(this.#descriptor))
    return this.#closing
  }

  #drain(): Promise<void> {
    if (!this.#scheduled && !this.#syncing) return Promise.resolve()
    return new Promise((resolve) => {
      this.#drained = resolve
    })
  }

  #schedule(): void {
    if (this.#scheduled || this.#syncing) return
    this.#scheduled = true
    setImmediate(() => {
      this.#scheduled = false
      this.#run()
    })
  }

  #run(): void {
    const waiting = this.#gathering
    this.#gathering = []
    const beganMs = this.#calls.nowMs()
    this.#syncing = true
    const finish = (error: unknown) => this.#finish(waiting, this.#calls.nowMs() - beganMs, error)
    if (this.#recentMs === undefined || this.#recentMs >= this.#inlineLimitMs) {
      this.#calls.syncOffLoop(this.#descriptor, finish)
      return
    }
    let failure: unknown
    try {
      this.#calls.sync(this.#descriptor)
    } catch (error) {
      failure = error
    }
    finish(failure)
  }

  #finish(waiting: readonly Waiter[], tookMs: number, error: unknown): void {
    this.#syncing = false
    const before = this.#recentMs ?? tookMs
    this.#recentMs = before + (tookMs - before) * lastWeight
    if (error != null) this.#fail(waiting, error)
    else for (const waiter of waiting) waiter.resolve()
    if (this.#gathering.length > 0) this.#schedule()
    else this.#drained?.()
  }

  #fail(waiting: readonly Waiter[], cause: unknown): void {
    this.#failure = new FileSyncError(this.path, cause)
    const all = [...waiting, ...this.#gathering]
    this.#gathering = []
    for (const waiter of all) waiter.reject(this.#failure)
  }
}
