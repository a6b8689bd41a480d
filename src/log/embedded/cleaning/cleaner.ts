import type { Cancel, Clock } from '../../../core/clock.ts'
import { MillraceError, toError } from '../../../core/errors.ts'
import type { Logger } from '../../../core/logger.ts'
import { BatchRemoval } from '../batch-removal.ts'
import type { SqlDatabase } from '../database.ts'
import { DamagedBatchError, LogBusyError, LogFullError } from '../errors.ts'
import type { PartitionState } from '../partition-state.ts'
import type { Retentions } from '../retentions.ts'
import type { TailCache } from '../tail-cache.ts'
import type { TopicTable } from '../topics.ts'
import type { CleaningContext } from './cleaning-context.ts'
import { CompactionPass, type CompactionRules, defaultCompactionRules } from './compaction-pass.ts'
import { CompactionTable } from './compaction-table.ts'
import { Pace } from './pace.ts'
import { RetentionPass } from './retention-pass.ts'

/** How often and how the log is cleaned; what is absent has its default. */
export interface CleaningOptions extends Partial<CompactionRules> {
  /** From the end of one cleaning to the next, in milliseconds. 10,000 by default. */
  readonly intervalMs?: number
}

/** What the log lends to its cleaner. */
export interface CleanerContext {
  readonly database: SqlDatabase
  readonly path: string
  readonly topics: TopicTable
  readonly retentions: Retentions
  readonly cache: TailCache
  readonly clock: Clock
  readonly logger: Logger
  /** The right to clean, which one process has at a time; undefined while another has it. The call gives it back. */
  lock(): (() => void) | undefined
  /** A transaction between those of the commits. */
  change<T>(work: () => T): Promise<T>
  /** What could not be tidied up before may be possible now. */
  tidy(): void
  /** So many bytes were written by transactions of the cleaner. */
  wrote(bytes: number): void
}

const defaultIntervalMs = 10_000

/**
 * Retention and compaction, in the background and by one process at a time.
 *
 * States: *waiting* for the next time → *cleaning*: every partition that has a retention or is compacted, one after the
 * other → waiting. *closed* is for good; a cleaning that is under way ends at its next rest.
 */
export class Cleaner {
  readonly #context: CleanerContext
  readonly #options: CleaningOptions
  readonly #removal: BatchRemoval
  readonly #compactions: CompactionTable
  readonly #stop = new AbortController()
  /** What was said once, by partition: a damaged batch stays damaged. */
  readonly #warned = new Set<string>()
  #cancel: Cancel = () => {}
  #running: Promise<void> = Promise.resolve()

  constructor(context: CleanerContext, options: CleaningOptions) {
    this.#context = context
    this.#options = options
    this.#removal = new BatchRemoval(context.database, context.path)
    this.#compactions = new CompactionTable(context.database, context.path)
    this.#schedule()
  }

  /** Resolves when what is under way has ended. Never rejects. */
  close(): Promise<void> {
    this.#cancel()
    this.#stop.abort()
    return this.#running
  }

  #schedule(): void {
    if (this.#stop.signal.aborted) return
    this.#cancel = this.#context.clock.schedule(this.#options.intervalMs ?? defaultIntervalMs, () => {
      this.#running = this.#clean().finally(() => this.#schedule())
    })
  }

  async #clean(): Promise<void> {
    let unlock: (() => void) | undefined
    try {
      this.#context.tidy()
      const work = this.#findWork()
      if (work.length === 0) return
      unlock = this.#context.lock()
      if (unlock === undefined) return
      for (const clean of work) await clean()
    } catch (error) {
      this.#tell(error)
    } finally {
      unlock?.()
    }
  }

  /** By partition: what one cannot do is said, and the others are cleaned all the same. */
  #findWork(): readonly (() => Promise<void>)[] {
    const context = this.#cleaningContext()
    const retention = new RetentionPass(context, { database: this.#context.database, removal: this.#removal })
    const compaction = new CompactionPass(context, this.#compactions, { ...defaultCompactionRules, ...this.#options })
    const retentions = this.#context.retentions.all()
    return this.#context.topics.all.flatMap(({ name, compacted, partitions }) => {
      const limits = retentions.get(name)
      if (limits === undefined && !compacted) return []
      return partitions.map((partition) => () => {
        return this.#attempt(partition, async () => {
          if (limits !== undefined) await retention.run(partition, limits)
          if (compacted) await compaction.run(partition)
          await context.pace.keep()
        })
      })
    })
  }

  #cleaningContext(): CleaningContext {
    const { path, clock, cache, change, wrote } = this.#context
    return {
      path,
      pace: new Pace(this.#stop.signal),
      nowMs: () => clock.nowMs(),
      change,
      rewrote: (partition, { before, bytes }) => {
        cache.dropBefore(partition.tail, before)
        wrote(bytes)
      },
      removed: (partition, { start, removed }) => {
        partition.setStart(start)
        cache.dropBefore(partition.tail, start)
        wrote(removed)
      },
    }
  }

  async #attempt(partition: PartitionState, work: () => Promise<void>): Promise<void> {
    try {
      await work()
    } catch (error) {
      if (!(error instanceof DamagedBatchError) && !isOfRecords(error)) throw error
      const place = `${partition.topic}/${partition.partition}`
      if (this.#warned.has(place)) return
      this.#warned.add(place)
      this.#context.logger.warn(`${place} of the log ${this.#context.path} cannot be compacted`, { error })
    }
  }

  /** What ends the log is told by those who use it; the rest passes, and is tried again the next time. */
  #tell(error: unknown): void {
    if (this.#stop.signal.aborted) return
    const passes = error instanceof LogFullError || error instanceof LogBusyError
    const what = `The log ${this.#context.path} was not cleaned${passes ? ', and will be later' : ''}`
    this.#context.logger.warn(what, { error: toError(error) })
  }
}

/** The bytes of a batch cannot be read as records. */
function isOfRecords(error: unknown): boolean {
  return error instanceof MillraceError && ['CORRUPT_BATCH', 'UNSUPPORTED_COMPRESSION'].includes(error.code)
}
