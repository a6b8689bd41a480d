import type { Clock } from '../../core/clock.ts'
import type { Logger } from '../../core/logger.ts'
import type { Fetched } from '../../log/log.ts'
import type { RecordCursor } from '../../log/records/record-batch.ts'
import type { StoreChange } from '../commit/commit-home.ts'
import type { Delivery } from '../delivery.ts'
import { deduplicateHeader, idHeader } from '../headers.ts'
import { Marks } from './marks.ts'
import type { StoreBuffer } from './store-buffer.ts'

/** Ids that are remembered in memory beside those that are not finished; the store has the rest. */
const mostRemembered = 10_000
/** Clocks of senders differ: marks are kept so much longer than the window. */
const clockSkewMs = 60_000

/** What deduplication of one partition needs. */
export interface DeduplicationOptions {
  readonly buffer: StoreBuffer
  readonly windowMs: number
  readonly clock: Clock
  readonly logger: Logger
}

/**
 * Tells which tasks of a partition are another task's second copy: the same id, given by the sender, within the window by
 * the records' timestamps.
 *
 * An id is *claimed* when its first task is taken, and *marked* in the store by the commit that finishes or parks that
 * task. Until then a crash takes both back: the first is taken first again.
 */
export class Deduplication {
  /** Tasks that were acknowledged and not done. */
  duplicates = 0
  readonly #marks: Marks
  readonly #options: DeduplicationOptions
  /** When the first task of an id was sent. */
  readonly #claims = new Map<string, number>()
  /** Claimed and not marked. */
  readonly #unmarked = new Set<string>()
  #lastTimestampMs = 0

  constructor(options: DeduplicationOptions) {
    this.#options = options
    this.#marks = new Marks(options.buffer, 'd')
  }

  /**
   * Looks up the ids of what was fetched, before any of it is taken; undefined where nothing has to be looked up. With
   * `isFirst` nothing that was looked up before is yet to be taken.
   */
  prepare({ batches }: Fetched, isFirst: boolean): Promise<void> | undefined {
    const ids = new Set<string>()
    for (const batch of batches) {
      if (batch.isControl) continue
      const cursor = batch.records()
      while (cursor.next()) {
        if (!isUnique(cursor)) continue
        ids.add(cursor.headerText(idHeader)!)
        this.#lastTimestampMs = Math.max(this.#lastTimestampMs, cursor.timestampMs)
      }
    }
    if (ids.size === 0) return undefined
    if (isFirst && this.#claims.size > mostRemembered) {
      for (const id of this.#claims.keys()) if (!this.#unmarked.has(id)) this.#claims.delete(id)
    }
    return this.#load(ids)
  }
  async #load(ids: Iterable<string>): Promise<void> {
    // By the time of the records: a worker that is behind meets duplicates of its own time.
    const nowMs = Math.min(this.#lastTimestampMs, this.#options.clock.nowMs())
    await this.#marks.sweep(nowMs - clockSkewMs)
    await Promise.all(
      Array.from(ids, async (id) => {
        if (this.#claims.has(id)) return
        const sentMs = await this.#marks.get(id)
        if (sentMs !== undefined && !this.#claims.has(id)) this.#claims.set(id, Number(sentMs))
      }),
    )
  }

  /** A task is taken: it claims its id, or it is a duplicate. */
  claim(cursor: RecordCursor, delivery: Delivery): 'none' | 'claimed' | 'duplicate' {
    if (!isUnique(cursor)) return 'none'
    const { id, timestampMs, task, offset } = delivery
    const firstMs = this.#claims.get(id)
    if (firstMs !== undefined && Math.abs(timestampMs - firstMs) < this.#options.windowMs) {
      this.duplicates++
      const { topic, partition } = task
      this.#options.logger.debug(`task '${id}' was sent before: it is not done again`, { topic, partition, offset })
      return 'duplicate'
    }
    this.#claims.set(id, timestampMs)
    this.#unmarked.add(id)
    return 'claimed'
  }

  /** The changes of the store that mark it, for the commit that finishes or parks it. */
  mark({ id, timestampMs }: Delivery): readonly StoreChange[] {
    return this.#marks.writesOf(id, String(timestampMs), timestampMs + this.#options.windowMs)
  }
  /** The store has its mark, or will have it with all that is in its buffer. */
  marked({ id }: Delivery): void {
    this.#unmarked.delete(id)
  }
  /** A task of this id may be sent again. */
  forget(id: string): void {
    this.#claims.delete(id)
    this.#unmarked.delete(id)
    this.#marks.remove(id)
  }
}

function isUnique(cursor: RecordCursor): boolean {
  return cursor.headerText(deduplicateHeader) != null
}
