import { FencedError } from '../../log/errors.ts'
import type { Host } from '../attachment.ts'
import type { Delivery } from '../delivery.ts'
import type { PartitionTask } from '../partition-task.ts'
import type { DatabaseHome, HomeTransaction, PartitionStoreWrites } from './commit-home.ts'
import type { LogCommitter } from './log-committer.ts'
import type { OutputMessage } from './output.ts'
import type { Progress } from './progress.ts'

/** Skipped records after which a checkpoint is written without a handler. */
const skippedBeforeCheckpoint = 1_000
/** After a checkpoint could not be written. */
const storeAgainMs = 200

/** What a checkpoint is to say. */
interface Advance {
  readonly progress: Progress
  readonly stores: readonly PartitionStoreWrites[]
}

/**
 * A database as commit home: rows, checkpoint and outputs of each record in one transaction of its own. The group's
 * offset in the log follows lazily and means nothing for correctness: a restart begins at the checkpoint.
 */
export class DatabaseCommitter {
  readonly #home: DatabaseHome
  readonly #offsets: LogCommitter
  readonly #host: Host
  readonly #componentName: string
  readonly #lost: (task: PartitionTask) => void
  /** The fetched position that the stored checkpoint covers. */
  readonly #stored = new WeakMap<PartitionTask, number>()
  /** Checkpoints that wait for their turn to be written: they will have whatever there is then. */
  readonly #waiting = new Map<PartitionTask, Promise<void>>()
  /** Tasks whose checkpoint is tried again in a moment. */
  readonly #failed = new WeakSet<PartitionTask>()

  constructor(options: {
    readonly home: DatabaseHome
    readonly offsets: LogCommitter
    readonly host: Host
    readonly componentName: string
    /** Somebody else has the partition. */
    readonly lost: (task: PartitionTask) => void
  }) {
    this.#home = options.home
    this.#offsets = options.offsets
    this.#host = options.host
    this.#componentName = options.componentName
    this.#lost = options.lost
  }

  begin(): HomeTransaction {
    return this.#home.begin(this.#componentName)
  }

  /**
   * These records of a task are done: finished, or out of the store, in this transaction with these outputs. `advance`
   * and `committed` both run inside the transaction's critical section: a record of the same partition that came between
   * would store these as unfinished, and a crash would repeat them.
   */
  async settle(
    task: PartitionTask,
    { deliveries, outputs }: { readonly deliveries: readonly Delivery[]; readonly outputs: readonly OutputMessage[] },
    transaction: HomeTransaction,
  ): Promise<void> {
    const { tracker, parking } = task
    const changes = deliveries.flatMap((delivery) => task.changesOf(delivery))
    const entries = new Set(deliveries.flatMap(({ entry }) => entry ?? []))
    await transaction.commit({
      checkpoint: task.checkpoint!,
      advance: () => ({ progress: tracker.progress(entries), stores: [parking.buffer.take(changes)] }),
      outputs,
      committed: () => {
        for (const entry of entries) tracker.finish(entry)
        parking.buffer.committed()
        for (const delivery of deliveries) task.deduplication?.marked(delivery)
        this.#stored.set(task, tracker.fetched)
      },
    })
    this.#offsets.touch(task)
    this.#host.progressed()
  }

  /** Whether so much was skipped since the stored checkpoint that it should be written. */
  isBehind(task: PartitionTask): boolean {
    return task.tracker.fetched - (this.#stored.get(task) ?? 0) > skippedBeforeCheckpoint
  }

  /** As `store`; one that fails is a warning, or the end of the task where somebody else has the partition. */
  async tryStore(task: PartitionTask): Promise<void> {
    // Who asked first says what comes of it.
    if (this.#waiting.has(task)) return this.#waiting.get(task)!.catch(() => {})
    try {
      if (!task.closed) await this.store(task)
    } catch (error) {
      if (error instanceof FencedError) return this.#lost(task)
      // Nothing is lost: the skipped records are read again. What makes it fail fails the next handler too.
      this.#host.logger.warn(`'${this.#componentName}': a checkpoint was not written`, { error })
      // What was parked would wait for the next handler, which may be far.
      if (task.parking.buffer.isDirty) this.#tryAgain(task)
    }
  }
  /** Once, however many fail meanwhile: a database that is away would gather them. */
  #tryAgain(task: PartitionTask): void {
    if (this.#failed.has(task)) return
    this.#failed.add(task)
    setTimeout(() => {
      this.#failed.delete(task)
      void this.tryStore(task)
    }, storeAgainMs).unref()
  }

  /** Writes the checkpoint of a task as it stands: what was skipped is not read again. */
  async store(task: PartitionTask): Promise<void> {
    const waiting = this.#waiting.get(task)
    if (waiting !== undefined) return waiting
    if (this.#stored.get(task) === task.tracker.fetched && !task.parking.buffer.isDirty) return
    const { tracker, parking } = task
    let isBegun = false
    const stored = this.#write(task, () => {
      // What changes from here on is for the next one.
      isBegun = true
      this.#waiting.delete(task)
      return { progress: tracker.progress(), stores: [parking.buffer.take()] }
    })
    if (!isBegun) this.#waiting.set(task, stored)
    try {
      await stored
    } finally {
      // It may have failed before its turn came.
      if (this.#waiting.get(task) === stored) this.#waiting.delete(task)
    }
    this.#host.progressed()
  }
  async #write(task: PartitionTask, advance: () => Advance): Promise<void> {
    await this.begin().commit({
      checkpoint: task.checkpoint!,
      advance,
      outputs: [],
      committed: () => {
        task.parking.buffer.committed()
        this.#stored.set(task, task.tracker.fetched)
      },
    })
  }
}
