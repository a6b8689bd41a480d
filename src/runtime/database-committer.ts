import type { Host } from './attachment.ts'
import type { Attempt } from './attempt.ts'
import type { DatabaseHome, HomeTransaction } from './commit-home.ts'
import type { LogCommitter } from './log-committer.ts'
import type { PartitionTask } from './partition-task.ts'

/** Skipped records after which a checkpoint is written without a handler. */
const skippedBeforeCheckpoint = 1_000

/**
 * A database as commit home: rows, checkpoint and outputs of each record in one transaction of its own. The group's
 * offset in the log follows lazily and means nothing for correctness: a restart begins at the checkpoint.
 */
export class DatabaseCommitter {
  readonly #home: DatabaseHome
  readonly #offsets: LogCommitter
  readonly #host: Host
  readonly #componentName: string
  /** The fetched position that the stored checkpoint covers. */
  readonly #stored = new WeakMap<PartitionTask, number>()

  constructor(options: {
    readonly home: DatabaseHome
    readonly offsets: LogCommitter
    readonly host: Host
    readonly componentName: string
  }) {
    this.#home = options.home
    this.#offsets = options.offsets
    this.#host = options.host
    this.#componentName = options.componentName
  }

  begin(): HomeTransaction {
    return this.#home.begin(this.#componentName)
  }

  /**
   * Commits an attempt that ended well. `advance` and `committed` both run inside the transaction's critical section: a
   * record of the same partition that came between would store this one as unfinished, and a crash would repeat it.
   */
  async finish(attempt: Attempt, transaction: HomeTransaction): Promise<void> {
    const { task, entry } = attempt.delivery
    await transaction.commit({
      checkpoint: task.checkpoint!,
      advance: () => task.tracker.progress(entry),
      outputs: attempt.outputs,
      committed: () => {
        task.tracker.finish(entry)
        this.#stored.set(task, task.tracker.fetched)
      },
    })
    this.#offsets.touch(task)
    this.#host.progressed()
  }

  /** Whether so much was skipped since the stored checkpoint that it should be written. */
  isBehind(task: PartitionTask): boolean {
    return task.tracker.fetched - (this.#stored.get(task) ?? 0) > skippedBeforeCheckpoint
  }

  /** Writes the checkpoint of a task as it stands: what was skipped is not read again. */
  async store(task: PartitionTask): Promise<void> {
    const { fetched } = task.tracker
    if (this.#stored.get(task) === fetched) return
    const transaction = this.#home.begin()
    await transaction.commit({ checkpoint: task.checkpoint!, advance: () => task.tracker.progress(), outputs: [] })
    this.#stored.set(task, fetched)
  }
}
