import { LockWait, lockAdvice } from '../../../core/lock-wait.ts'
import type { Finding, MemberDescription } from '../../admin.ts'
import type { SqlDatabase } from '../database.ts'
import { toLogError } from '../database.ts'
import { LogBusyError } from '../errors.ts'
import { GroupTables } from '../groups/group-tables.ts'
import { SharedGroups } from '../groups/shared-groups.ts'
import type { ResolvedOptions } from '../options.ts'
import type { TopicTable } from '../topics.ts'
import type { Neighbours } from '../unit-writer.ts'
import { ForeignWrites } from './foreign-writes.ts'
import { Processes, type Registration } from './processes.ts'
import type { Publications } from './publications.ts'
import { whenFree } from './when-free.ts'

/** How often the file is looked at for what others wrote, while somebody waits for it. A look takes some microseconds. */
const lookIntervalMs = 5
/** Looks that are made on when nobody waits any more: the next wait is mostly near. */
const idleLooks = 20
/** At its end a log waits this long for a write lock that another process keeps; then others clean up after it. */
const closingDeadlineMs = 5_000

/** What the sharing of a file needs of its log. */
export interface FileSharingContext {
  readonly database: SqlDatabase
  readonly path: string
  readonly location: string
  readonly registration: Registration
  readonly topics: TopicTable
  readonly publications: Publications
  readonly options: ResolvedOptions
  /** One transaction; throws the log's errors. */
  transaction<T>(work: () => T): T
  /** Resolves when all that was written before the call is on disk. */
  durable(): Promise<void>
  /** Ends the log when the error says so; returns what to throw. */
  failIfFatal(error: unknown): Error
}

/**
 * A log's file as several processes use it at once: what the others wrote is taken up before each transaction, before
 * each answer, and every few milliseconds while a reader waits or a member is alive.
 */
export class FileSharing implements Neighbours {
  readonly groups: SharedGroups
  readonly #context: FileSharingContext
  readonly #foreign: ForeignWrites
  readonly #processes: Processes
  readonly #tables: GroupTables
  readonly #lockWait: LockWait
  #watchers = 0
  #idleLooks = 0
  #timer: NodeJS.Timeout | undefined
  #showing: Promise<void> | undefined
  #closingSinceMs: number | undefined

  constructor(context: FileSharingContext) {
    this.#context = context
    const { database, path, location, registration, topics, publications, options } = context
    const { logger, openDatabase, sessionTimeoutMs } = options
    this.#tables = new GroupTables(database)
    const exclusive = this.exclusive.bind(this)
    this.groups = new SharedGroups({
      tables: this.#tables,
      topics,
      ids: options.ids,
      location,
      process: () => this.#processes.ensure(),
      isThisProcess: (process) => this.#processes.isThis(process),
      exclusive,
      read: (work) => this.read(work),
      durable: () => context.durable(),
      watch: () => this.watch(),
    })
    this.#processes = new Processes({
      path,
      tables: this.#tables,
      registration,
      openDatabase,
      sessionTimeoutMs,
      logger,
      exclusive,
      hasMembers: () => this.groups.hasMembers,
      expired: () => this.groups.look(),
    })
    const others = () =>
      this.#tables.processes().flatMap(({ processId }) => (processId === process.pid ? [] : processId))
    this.#lockWait = new LockWait({ what: 'log', path, logger, nowMs: () => performance.now(), others })
    const groupsChanged = () => this.groups.changed()
    this.#foreign = new ForeignWrites({ database, topics, publications, groupsChanged })
  }

  /** Others have written since the log was opened. */
  get isShared(): boolean {
    return this.#foreign.seen
  }
  /** What a diagnosis should say of the write lock. */
  get findings(): readonly Finding[] {
    const value = this.#lockWait.whereabouts
    return value === undefined ? [] : [{ subject: 'write lock', value, verdict: 'bad', advice: lockAdvice }]
  }
  /** Why nothing is written; undefined while it is. */
  get blockedBy(): string | undefined {
    return this.#lockWait.reason
  }
  get isClosingTooLong(): boolean {
    return this.#closingSinceMs !== undefined && performance.now() - this.#closingSinceMs >= closingDeadlineMs
  }

  begun(): void {
    this.#lockWait.free()
    this.#foreign.takeUp()
  }
  committed(lastBatchNumber: number): void {
    this.#foreign.wrote(lastBatchNumber)
  }
  blocked(): void {
    this.#lockWait.blocked()
  }

  /** Runs `work` in a transaction, waiting for the lock. See `SharedGroupsContext.exclusive`. */
  async exclusive<T>(work: () => T, committed?: (result: T) => void): Promise<T> {
    const attempt = () => {
      const result = this.#context.transaction(work)
      committed?.(result)
      return result
    }
    try {
      return await whenFree(attempt, () => this.isClosingTooLong)
    } catch (error) {
      throw this.#context.failIfFatal(error)
    }
  }

  /** Reads, waiting for the moments in which SQLite's index is locked. */
  async read<T>(work: () => T): Promise<T> {
    const attempt = () => {
      try {
        return work()
      } catch (error) {
        throw toLogError(this.#context.path, error)
      }
    }
    try {
      return await whenFree(attempt, () => this.isClosingTooLong)
    } catch (error) {
      throw this.#context.failIfFatal(error)
    }
  }

  /** Resolves when all that others committed before the call is durable and shown. */
  async catchUp(): Promise<void> {
    await this.read(() => this.#foreign.takeUp())
    while (!this.#context.publications.isShown(this.#foreign.pending)) await this.#show()
  }

  /** Looks for what others write until the returned function is called. */
  watch(): () => void {
    this.#watchers++
    this.#idleLooks = 0
    if (this.#closingSinceMs === undefined) this.#schedule()
    let isWatching = true
    return () => {
      if (isWatching) this.#watchers--
      isWatching = false
    }
  }

  describeMembers(): Promise<ReadonlyMap<string, readonly MemberDescription[]>> {
    return this.read(() => this.groups.describe())
  }

  /** From now on a write lock that another process keeps is waited for some seconds only. */
  closing(): void {
    this.#closingSinceMs ??= performance.now()
  }

  /** Takes this process's entry out of the log. What fails is left to the others. */
  async close(): Promise<void> {
    clearTimeout(this.#timer)
    this.#timer = undefined
    await this.exclusive(() => this.#tables.removeProcess(this.#processes.ensure())).catch(() => {})
    this.#processes.close()
  }

  #schedule(): void {
    this.#timer ??= setTimeout(() => this.#look(), lookIntervalMs).unref()
  }

  #look(): void {
    this.#timer = undefined
    if (this.#watchers === 0 && ++this.#idleLooks > idleLooks) return
    try {
      if (this.#foreign.takeUp()) void this.#show().catch(() => {})
      if (this.groups.hasMembers) this.#processes.tick(performance.now())
    } catch (error) {
      const problem = toLogError(this.#context.path, error)
      // Locked for a moment: the next look is soon.
      if (!(problem instanceof LogBusyError)) this.#context.failIfFatal(problem)
    }
    this.#schedule()
  }

  /** One fsync for all who wait, one after the other: what comes while it runs is for the next one. */
  #show(): Promise<void> {
    this.#showing ??= this.#showNow().finally(() => {
      this.#showing = undefined
    })
    return this.#showing
  }
  async #showNow(): Promise<void> {
    const { publications, durable } = this.#context
    while (!publications.isShown(this.#foreign.pending)) {
      const last = publications.last
      await durable()
      publications.showUpTo(last)
    }
  }
}
