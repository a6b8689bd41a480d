import type { Logger } from '../../core/logger.ts'
import type { Connection } from './connection.ts'

/** SQLite's own default for a checkpoint. */
const checkpointFrames = 1_000
const truncateBytes = 64 * 2 ** 20

/**
 * Keeps the write-ahead log short: a passive checkpoint about every 1,000 frames, so that the file starts over and is
 * reused (an fsync of a file that grows takes twice as long), and a truncation once it has grown beyond 64 MB. A reader
 * that holds the log back is not waited for: the log grows meanwhile and is checkpointed when the reader is gone.
 */
export class WalKeeper {
  readonly #connection: Connection
  readonly #location: string
  readonly #logger: Logger
  readonly #pageBytes: number
  #nextAtFrames = checkpointFrames
  #warned = false

  constructor(options: { connection: Connection; location: string; logger: Logger }) {
    this.#connection = options.connection
    this.#location = options.location
    this.#logger = options.logger
    this.#pageBytes = Number(this.#connection.execute('pragma page_size').rows[0]?.page_size)
  }

  /** Called after each commit, with nothing open. Never throws: the commit has happened. */
  afterCommit(): void {
    try {
      // "noop" only counts; it costs a microsecond.
      const { frames, left } = this.#checkpoint('noop')
      if (frames < this.#nextAtFrames - checkpointFrames) this.#nextAtFrames = checkpointFrames // it started over
      if (frames < this.#nextAtFrames || left === 0) return
      this.#nextAtFrames = frames + checkpointFrames
      const after = this.#checkpoint('passive')
      if (after.left === 0 && after.frames * this.#pageBytes > truncateBytes) this.#checkpoint('truncate')
    } catch (error) {
      if (this.#warned) return
      this.#warned = true
      this.#logger.warn(`The write-ahead log of ${this.#location} could not be checkpointed and grows`, { error })
    }
  }

  #checkpoint(mode: 'noop' | 'passive' | 'truncate'): { readonly frames: number; readonly left: number } {
    const row = this.#connection.execute(`pragma wal_checkpoint(${mode})`).rows[0]
    const frames = Number(row?.log)
    return { frames, left: frames - Number(row?.checkpointed) }
  }
}
