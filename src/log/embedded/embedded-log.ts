import { invariant } from '../../core/errors.ts'
import { isName, nameRule } from '../../core/names.ts'
import type { DeleteBefore, Finding, GroupDescription, PartitionDescription } from '../admin.ts'
import { InvalidNameError, KeyRequiredError, LogClosedError, MetadataTooLargeError } from '../errors.ts'
import type {
  CommittedOffset,
  GroupCommit,
  GroupOptions,
  Log,
  Member,
  Reader,
  StoreEntry,
  StoreRange,
  Topic,
  TopicPartition,
  TopicSpecification,
  Unit,
} from '../log.ts'
import { Administration } from './administration.ts'
import { BatchStore } from './batch-store.ts'
import { betweenCommits } from './between-commits.ts'
import { Cleaner } from './cleaning/cleaner.ts'
import { CommitQueue } from './commit-queue.ts'
import { CommittedOffsets, type WrittenOffset } from './committed-offsets.ts'
import { diagnose } from './diagnosis.ts'
import { GroupCoordinator } from './groups/group-coordinator.ts'
import type { Groups } from './groups/groups.ts'
import type { ResolvedOptions } from './options.ts'
import { EmbeddedReader } from './reader.ts'
import { Retentions, sameRetention } from './retentions.ts'
import { FileSharing } from './sharing/file-sharing.ts'
import { Publications } from './sharing/publications.ts'
import type { Checkpoints, Storage } from './storage.ts'
import { Stores } from './stores.ts'
import { TailCache } from './tail-cache.ts'
import { describeTopic, TopicTable } from './topics.ts'
import { type Neighbours, type PreparedUnit, UnitWriter } from './unit-writer.ts'

/** Kafka's `offset.metadata.max.bytes`. */
const maxMetadataBytes = 4096
/** Of the file. */
const pageBytes = 4096
/** A transaction without its fsync, about. */
const transactionCostMs = 0.05

/**
 * A log in one SQLite file, or in memory.
 *
 * States: *open* → *closing* (`close` was called: polls have ended, nobody joins, but members that are being revoked may
 * still commit and read what was committed) → *closed*. *failed*, from any of them: the disk failed, everything rejects
 * with `LogFailedError` and memberships have ended; only `close` is left.
 */
export class EmbeddedLog implements Log {
  readonly id: string
  readonly location: string
  readonly #storage: Storage
  readonly #topics: TopicTable
  readonly #batches: BatchStore
  readonly #offsets: CommittedOffsets
  readonly #stores: Stores
  readonly #writer: UnitWriter
  readonly #queue: CommitQueue
  readonly #groups: Groups
  /** Undefined for a log in memory, which nobody else has. */
  readonly #sharing: FileSharing | undefined
  readonly #retentions: Retentions
  readonly #administration: Administration
  readonly #checkpoints: Checkpoints
  readonly #cleaner: Cleaner
  readonly #sqliteVersion: string
  readonly #readers = new Set<EmbeddedReader>()
  /** The writer tells the sharing, which writes itself: each needs the other. */
  readonly #neighbours: Neighbours = {
    begun: () => this.#sharing?.begun(),
    committed: (lastBatchNumber) => this.#sharing?.committed(lastBatchNumber),
    blocked: () => this.#sharing?.blocked(),
  }
  #state: 'open' | 'closing' | 'closed' = 'open'
  #closing: Promise<void> | undefined

  constructor(storage: Storage, options: ResolvedOptions) {
    const { database, path, location, identity } = storage
    this.#storage = storage
    this.id = identity.logId
    this.location = location
    this.#topics = new TopicTable(database, options.ids)
    this.#retentions = new Retentions(database, path)
    this.#batches = new BatchStore(database, path)
    this.#offsets = new CommittedOffsets(database)
    this.#stores = new Stores(database, path)
    const cache = new TailCache(options.tailCacheBytes)
    const publications = new Publications()
    this.#writer = new UnitWriter({
      database,
      path,
      batches: this.#batches,
      offsets: this.#offsets,
      stores: this.#stores,
      cache,
      offsetGap: options.offsetGap,
      publications,
      neighbours: this.#neighbours,
    })
    this.#queue = new CommitQueue({
      location,
      write: (units) => this.#writer.write(units),
      sync: () => storage.sync(),
      beforeWrite: () => this.#checkpoints.noteWrites(this.#writer.takePagesWritten()),
      failed: (error) => this.#fail(error),
      retryLater: (delayMs, callback) => void setTimeout(callback, delayMs),
      nowMs: () => performance.now(),
      isShared: () => this.#sharing?.isShared ?? false,
    })
    this.#checkpoints = storage.startCheckpoints({
      holdCommits: () => this.#queue.hold(),
      failed: (error) => void this.#queue.failIfFatal(error),
    })
    this.#sharing = this.#share(storage, publications, options)
    this.#offsets.load()
    const { openings } = identity
    const { ids } = options
    this.#groups = this.#sharing?.groups ?? new GroupCoordinator({ topics: this.#topics, ids, location, openings })
    this.#sqliteVersion = options.sqliteVersion
    this.#cleaner = new Cleaner(
      {
        database,
        path,
        topics: this.#topics,
        retentions: this.#retentions,
        cache,
        clock: options.clock,
        logger: options.logger,
        lock: () => storage.lockCleaning(),
        change: (work) => betweenCommits(() => this.#change(work)),
        wrote: (bytes) => this.#fatal(() => this.#checkpoints.noteWrites(Math.ceil(bytes / pageBytes))),
        tidy: () => this.#fatal(() => this.#checkpoints.retry()),
      },
      options.cleaning,
    )
    this.#administration = new Administration({
      database,
      path,
      topics: this.#topics,
      members: () => this.#groups.describe(),
      change: (work) => betweenCommits(() => this.#change(work)),
      durable: () => this.#queue.durable(),
    })
  }

  /** A log in memory has nobody to share with. */
  #share(storage: Storage, publications: Publications, options: ResolvedOptions): FileSharing | undefined {
    const { database, path, location, registration } = storage
    if (registration === undefined) return undefined
    return new FileSharing({
      database,
      path,
      location,
      registration,
      topics: this.#topics,
      publications,
      options,
      transaction: (work) => this.#transaction(work),
      durable: () => this.#queue.durable(),
      failIfFatal: (error) => this.#queue.failIfFatal(error),
    })
  }

  get commitCostMs(): number {
    return this.#storage.syncCostMs + transactionCostMs
  }
  get blockedBy(): string | undefined {
    return this.#sharing?.blockedBy
  }

  async ensureTopics(specifications: readonly TopicSpecification[]): Promise<readonly Topic[]> {
    this.#checkOpen()
    await this.#sharing?.catchUp()
    const findAltered = () =>
      specifications.filter(({ name, retention }) => {
        return retention !== undefined && !sameRetention(retention, this.#retentions.of(name))
      })
    let missing = this.#topics.missing(specifications)
    if (missing.length > 0 || (await this.#read(findAltered)).length > 0) {
      await this.#exclusive(
        () => {
          // Another process may have made them since.
          missing = this.#topics.missing(specifications)
          const inserted = this.#topics.insert(missing)
          for (const { name, retention } of findAltered()) this.#retentions.alter(name, retention!)
          return inserted
        },
        (topics) => this.#topics.add(topics),
      )
    }
    // Also those that another call has just made: they may not be on disk yet.
    await this.#queue.durable()
    const created = new Set(missing.map(({ name }) => name))
    const fresh = specifications.map(({ name }) => ({ name, created: created.delete(name) }))
    return await this.#read(() => fresh.map(({ name, created }) => this.#describeTopic(name, created)))
  }

  async topics(): Promise<readonly Topic[]> {
    this.#checkNotClosed()
    await this.#sharing?.catchUp()
    return await this.#read(() => this.#topics.all.map(({ name }) => this.#describeTopic(name, false)))
  }

  async commit(unit: Unit): Promise<readonly number[]> {
    this.#checkNotClosed()
    return await this.#queue.submit(this.#prepare(unit))
  }

  createReader(): Reader {
    this.#checkOpen()
    const reader = new EmbeddedReader({
      location: this.location,
      topics: this.#topics,
      batches: this.#batches,
      watch: () => this.#sharing?.watch() ?? (() => {}),
      checkOpen: () => this.#checkOpen(),
      closed: (closed) => this.#readers.delete(closed),
    })
    this.#readers.add(reader)
    return reader
  }

  async join(options: GroupOptions): Promise<Member> {
    this.#checkOpen()
    await this.#sharing?.catchUp()
    return await this.#groups.join(options)
  }

  async committed(
    group: string,
    partitions: readonly TopicPartition[],
  ): Promise<readonly (CommittedOffset | undefined)[]> {
    this.#checkNotClosed()
    await this.#sharing?.catchUp()
    const states = partitions.map((partition) => this.#topics.partition(partition))
    if (this.#sharing?.isShared !== true) return states.map((state) => this.#offsets.find(group, state))
    const found = await this.#sharing.read(() => states.map((state) => this.#offsets.read(group, state)))
    // What was read may not be on disk yet, and is told to nobody before it is.
    await this.#queue.durable()
    return found
  }

  async readStore(range: StoreRange): Promise<readonly StoreEntry[]> {
    this.#checkNotClosed()
    const partition = this.#topics.partition(range)
    return await this.#read(() => this.#stores.read(range, partition))
  }

  async offsets(of: 'start' | 'end' | Date, partitions: readonly TopicPartition[]): Promise<readonly number[]> {
    this.#checkNotClosed()
    await this.#sharing?.catchUp()
    return partitions.map((each) => {
      const partition = this.#topics.partition(each)
      if (of === 'start') return partition.start
      return of === 'end' ? partition.durableEnd : this.#batches.offsetAtTime(partition, of.getTime())
    })
  }

  async describePartitions(topics: readonly string[]): Promise<readonly PartitionDescription[]> {
    this.#checkNotClosed()
    await this.#sharing?.catchUp()
    return await this.#read(() => this.#administration.describePartitions(topics))
  }

  async describeGroups(groups?: readonly string[]): Promise<readonly GroupDescription[]> {
    this.#checkNotClosed()
    await this.#sharing?.catchUp()
    return await this.#administration.describeGroups(groups)
  }

  async deleteRecords(partitions: readonly DeleteBefore[]): Promise<readonly number[]> {
    this.#checkOpen()
    await this.#sharing?.catchUp()
    return await this.#administration.deleteRecords(partitions)
  }

  async diagnose(): Promise<readonly Finding[]> {
    this.#checkNotClosed()
    const { database, path, location } = this.#storage
    const findings = await diagnose({
      database,
      path: location === 'memory:' ? undefined : path,
      sqliteVersion: this.#sqliteVersion,
      members: this.#groups.describe(),
    })
    return [...findings, ...(this.#sharing?.findings ?? [])]
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #close(): Promise<void> {
    this.#state = 'closing'
    this.#sharing?.closing()
    const cleaned = this.#cleaner.close()
    for (const reader of this.#readers) await reader.close()
    await this.#groups.close()
    await this.#queue.close()
    await cleaned
    await this.#sharing?.close()
    await this.#checkpoints.close()
    this.#state = 'closed'
    await this.#storage.close({ failed: this.#queue.failure !== undefined })
  }

  /** Checks all that can be told before the write lock is taken. Throws then, and nothing is written. */
  #prepare({ batches = [], offsets, stores = [] }: Unit): PreparedUnit {
    let sizeInBytes = 0
    const prepared = batches.map((staged) => {
      const partition = this.#topics.partition(staged)
      if (partition.compacted && staged.batch.keyless) throw new KeyRequiredError(staged.topic)
      sizeInBytes += staged.batch.bytes.length
      return { partition, batch: staged.batch }
    })
    for (const { writes } of stores) for (const [key, value] of writes) sizeInBytes += key.length + (value?.length ?? 0)
    return {
      batches: prepared,
      stores: stores.map((store) => {
        invariant(offsets !== undefined, 'a store is written with the offsets of its group')
        return { ...store, group: offsets.group, state: this.#topics.partition(store) }
      }),
      offsets: offsets === undefined ? [] : this.#prepareOffsets(offsets),
      checkFence: () => offsets !== undefined && this.#groups.checkFence(offsets),
      sizeInBytes,
    }
  }

  #prepareOffsets({ group, offsets }: GroupCommit): readonly WrittenOffset[] {
    if (!isName(group)) throw new InvalidNameError('group', group, nameRule)
    return offsets.map((offset) => {
      const { position, metadata } = offset
      invariant(Number.isSafeInteger(position) && position >= 0, `Group '${group}' committed position ${position}`)
      const bytes = Buffer.byteLength(metadata)
      if (bytes > maxMetadataBytes) throw new MetadataTooLargeError(group, bytes, maxMetadataBytes)
      return { group, partition: this.#topics.partition(offset), position, metadata }
    })
  }

  /** A transaction beside the queue's: both are done within a turn, so they never meet. */
  #change<T>(work: () => T): T {
    return this.#fatal(() => this.#transaction(work))
  }

  #transaction<T>(work: () => T): T {
    this.#checkNotClosed()
    return this.#writer.transaction(work)
  }

  /** Beside the queue: what fails ends the log where it must. */
  #fatal<T>(work: () => T): T {
    try {
      return work()
    } catch (error) {
      throw this.#queue.failIfFatal(error)
    }
  }

  #describeTopic(name: string, created: boolean): Topic {
    return describeTopic(this.#topics.topic(name), { created, retention: this.#retentions.of(name) })
  }

  /** Waits for the moments in which other processes lock SQLite's index. */
  async #read<T>(work: () => T): Promise<T> {
    return this.#sharing === undefined ? work() : await this.#sharing.read(work)
  }

  /** As `#change`, waiting for the lock; `committed` runs in the same turn as the commit. */
  async #exclusive<T>(work: () => T, committed: (result: T) => void): Promise<void> {
    if (this.#sharing === undefined) committed(this.#change(work))
    else await this.#sharing.exclusive(work, committed)
  }

  #fail(error: Error): void {
    void this.#cleaner.close()
    this.#groups.fail(error)
    for (const reader of this.#readers) reader.advanced()
  }

  /** For what begins something. */
  #checkOpen(): void {
    if (this.#state !== 'open') throw new LogClosedError(this.location)
    this.#checkNotClosed()
  }

  #checkNotClosed(): void {
    if (this.#state === 'closed') throw new LogClosedError(this.location)
    if (this.#queue.failure !== undefined) throw this.#queue.failure
  }
}
