import { statSync } from 'node:fs'
import type { Logger } from '../../../core/logger.ts'
import { describeProcess, processesReading } from '../../../core/sqlite-locks.ts'
import { type SqlDatabase, type SqlStatement, toLogError } from '../database.ts'
import { LogBusyError, LogFullError } from '../errors.ts'
import type { CheckpointThread } from './checkpoint-thread.ts'

/**
 * A checkpoint lets the WAL begin again from its start. An fsync of a file that is written over is twice as fast as one
 * of a file that grows (measured), so the WAL is kept short.
 */
const checkpointPages = 1000

/** What a checkpoint did, in pages of the WAL. */
export interface CheckpointResult {
  /** All that are in it. */
  readonly pages: number
  /** Those that are in the database file as well. */
  readonly moved: number
}
/** What the checkpointer works with. */
export interface CheckpointerContext {
  readonly database: SqlDatabase
  readonly path: string
  readonly logger: Logger
  /** A larger WAL is worth a warning, and is cut to this when it begins again. */
  readonly walBytesLimit: number
  /** A disk whose fsync takes longer is checkpointed by a thread, in milliseconds. */
  readonly inlineLimitMs: number
  /** What an fsync takes of late. */
  syncCostMs(): number
  startThread(): CheckpointThread
  /** Commits wait until the call that is returned. */
  holdCommits(): () => void
  /** The disk failed under a checkpoint of the thread. */
  failed(error: unknown): void
}

/**
 * Moves what was committed from the WAL to the database file, so that the WAL begins again and stays short.
 *
 * A passive checkpoint is an fsync of each file with the pages between. On a fast disk it is done where it is due, in
 * line. On a slow one it would block the event loop for all that, so a thread with a connection of its own does it while
 * commits go on; the last one, for the few that came meanwhile, holds commits back, or the WAL would never begin again.
 *
 * States: *idle* → *moving* (the thread works) → *finishing* (commits wait) → idle. A reader that does not let go makes
 * the WAL grow: that is said, with who it is, and each later checkpoint tries again.
 */
export class Checkpointer {
  readonly #context: CheckpointerContext
  readonly #checkpoint: SqlStatement
  #thread: CheckpointThread | undefined
  #running: Promise<void> | undefined
  #pages = 0
  /** The last one left something in the WAL. */
  #incomplete = false
  #warned = false
  #closed = false

  constructor(context: CheckpointerContext) {
    this.#context = context
    this.#checkpoint = context.database.prepare('PRAGMA wal_checkpoint(PASSIVE)')
  }

  /** So many pages were written since the last call. Throws what ends the log. */
  noteWrites(pages: number): void {
    this.#pages += pages
    if (this.#pages >= checkpointPages) this.#begin()
  }

  /** Tries again what a reader or a full disk prevented. Throws what ends the log. */
  retry(): void {
    if (this.#incomplete) this.#begin()
  }

  /** Ends the thread, after what it does at the moment. */
  async close(): Promise<void> {
    this.#closed = true
    await this.#running
    await this.#thread?.close()
  }

  #begin(): void {
    if (this.#closed || this.#running !== undefined) return
    this.#pages = 0
    if (this.#context.syncCostMs() < this.#context.inlineLimitMs) {
      this.#runInline()
      return
    }
    this.#running = this.#runInThread()
      .catch((error) => this.#context.failed(error))
      .finally(() => {
        this.#running = undefined
      })
  }

  #runInline(): void {
    try {
      const [, pages, moved] = this.#checkpoint.get() as [number, number, number]
      this.#done({ pages, moved })
    } catch (error) {
      this.#pass(error)
    }
  }

  async #runInThread(): Promise<void> {
    this.#thread ??= this.#context.startThread()
    try {
      this.#done(await this.#moveAll(this.#thread))
    } catch (error) {
      this.#pass(error)
    }
  }

  async #moveAll(thread: CheckpointThread): Promise<CheckpointResult> {
    const most = await thread.checkpoint()
    // A reader needs what is left: to wait for it would help nobody.
    if (most.moved < most.pages) return most
    // Those that were written meanwhile are not counted: they are few, and commits need not wait long.
    const release = this.#context.holdCommits()
    try {
      return await thread.checkpoint()
    } finally {
      release()
    }
  }

  /** The WAL keeps everything: it grows until there is room again, or until another process is done with it. */
  #pass(error: unknown): void {
    const { path, logger } = this.#context
    const problem = toLogError(path, error)
    this.#incomplete = true
    if (problem instanceof LogBusyError) return
    if (!(problem instanceof LogFullError)) throw problem
    logger.warn(`The disk of the log ${path} is full: its -wal file cannot be emptied and grows.`)
  }

  #done({ pages, moved }: CheckpointResult): void {
    this.#incomplete = moved < pages
    if (!this.#incomplete) {
      this.#warned = false
      return
    }
    const { path, logger, walBytesLimit } = this.#context
    const bytes = statSync(`${path}-wal`, { throwIfNoEntry: false })?.size ?? 0
    if (this.#warned || bytes <= walBytesLimit) return
    this.#warned = true
    const readers = processesReading(path) ?? []
    const who = readers.length === 0 ? 'another connection' : readers.map(describeProcess).join(', ')
    const size = Math.round(bytes / 1024 ** 2)
    logger.warn(
      `The -wal file of the log ${path} has grown to ${size} MB: ${who} reads the log and does not let go. It is emptied when that read transaction ends: close the statement that is open there, or end the process.`,
    )
  }
}
