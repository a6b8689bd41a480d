import type { FileSync } from '../../core/file-sync.ts'

type SyncedFile = Pick<FileSync, 'sync' | 'close'>

/**
 * Tells when commits are on disk. SQLite commits without an fsync (`synchronous=NORMAL`); whoever needs a commit to
 * survive a power cut waits here, and one fsync of the write-ahead log serves all that wait. A checkpoint keeps this
 * true: before it moves pages into the database file, SQLite syncs the log itself.
 */
export class Durability {
  readonly #file: SyncedFile | undefined
  #committed = 0
  #durable = 0
  #committedNumber = 0
  #durableNumber = 0

  /** `file` is the write-ahead log; without one there is no disk (memory) and everything is as durable as it gets. */
  constructor(file: SyncedFile | undefined) {
    this.#file = file
  }

  /** A commit was made on this connection. */
  committed(): void {
    this.#committed++
  }

  /** Among the commits so far is the outbox row of this number. */
  committedOutbox(number: number): void {
    this.#committedNumber = Math.max(this.#committedNumber, number)
  }

  /** Resolves when the commits made here before the call are on disk. Rejects with `FileSyncError`, then for good. */
  async durable(): Promise<void> {
    if (this.#durable < this.#committed) await this.#sync()
  }

  /** The same for an outbox row that was read; perhaps another process committed it. */
  async durableUpTo(number: number): Promise<void> {
    if (this.#durableNumber >= number) return
    this.committedOutbox(number)
    await this.#sync()
  }

  async #sync(): Promise<void> {
    const committed = this.#committed
    const number = this.#committedNumber
    await this.#file?.sync()
    this.#durable = Math.max(this.#durable, committed)
    this.#durableNumber = Math.max(this.#durableNumber, number)
  }

  async close(): Promise<void> {
    await this.#file?.close()
  }
}
