import { MillraceError, toError } from '../core/errors.ts'
import type { Lease } from '../log/log.ts'
import type { AnyDefinition } from '../topics/types.ts'
import type { DatabaseCommitter } from './commit/database-committer.ts'
import type { LogCommitter } from './commit/log-committer.ts'
import type { Intake } from './intake.ts'
import type { CommandReader } from './parking/command-reader.ts'
import { openPartition, type PartitionOpening } from './partition-opening.ts'
import { describeTask } from './partition-task.ts'

/** How long after a refusal a database is asked again. */
const askAgainMs = 1_000

/** What an opener needs of its consumer. */
export interface PartitionOpenerOptions extends PartitionOpening {
  /** By the topics' names. */
  readonly sources: ReadonlyMap<string, AnyDefinition>
  readonly intake: Pick<Intake, 'open'>
  readonly commands: Pick<CommandReader, 'open'>
  readonly offsets: Pick<LogCommitter, 'touch'>
  readonly database: Pick<DatabaseCommitter, 'tryStore'> | undefined
  /** False when nothing more is to be opened. */
  readonly takes: () => boolean
  /** What the member has now; undefined while it joins. */
  readonly leases: () => readonly Lease[] | undefined
  readonly failed: (error: Error) => void
}

/** Opens the partitions of a consumer: those that it was assigned, and those that it has to claim anew. */
export class PartitionOpener {
  readonly #options: PartitionOpenerOptions
  #reopening: Promise<void> = Promise.resolve()

  constructor(options: PartitionOpenerOptions) {
    this.#options = options
  }

  async open(leases: readonly Lease[]): Promise<void> {
    for (const lease of leases) await this.#open(lease)
  }

  /**
   * A task was lost. Where the log knows of no other owner, the partition is opened anew: nobody else has it. So it is when
   * a process hangs between its lease and its claim of the database's checkpoint: another one takes the partition and claims
   * it, the first wakes, claims it too, and only then is told that its lease has ended.
   */
  reopen(lease: Lease): void {
    if (this.#options.home !== undefined) this.#reopening = this.#reopening.then(() => this.#reopen(lease))
  }
  /** Resolves when nothing is being opened anew. */
  get reopened(): Promise<void> {
    return this.#reopening
  }

  /** Never rejects. */
  async #reopen(lease: Lease): Promise<void> {
    const { log, leases, storage, takes, failed } = this.#options
    try {
      // An answer of the log is never behind what others have committed: the leases are up to date after it.
      await storage.run(() => log.offsets('end', [lease]))
      const isOurs = ({ topic, partition, epoch }: Lease) =>
        topic === lease.topic && partition === lease.partition && epoch === lease.epoch
      if (takes() && leases()?.some(isOurs)) await this.#open(lease)
    } catch (error) {
      if (takes()) failed(toError(error))
    }
  }

  async #open(lease: Lease): Promise<void> {
    const { sources, intake, commands, offsets, database, specification } = this.#options
    const opened = await this.#openWhenFree(lease, sources.get(lease.topic)!)
    if (opened === undefined || !this.#options.takes()) return
    const { task, isNew } = opened
    intake.open(task)
    commands.open(task)
    // Kept, or a restart before the first record would begin at a later end, which a time that is now or to come also
    // means, and skip what came in between.
    if (!isNew || specification.startAt === 'earliest') return
    if (database !== undefined) await database.tryStore(task)
    else offsets.touch(task)
  }

  /**
   * A database that is locked or full for the moment is waited for, except by a member that joins, whose `start` fails:
   * another member would meet the same, and this one has all that it had before. Undefined when nothing is to be opened.
   */
  async #openWhenFree(lease: Lease, source: AnyDefinition) {
    const { host, specification, takes, leases } = this.#options
    for (let isSaid = false; ; isSaid = true) {
      try {
        return await openPartition(this.#options, lease, source)
      } catch (error) {
        if (!(error instanceof MillraceError && error.retryable) || leases() === undefined) throw error
        if (!isSaid)
          host.logger.warn(`'${specification.group}' cannot begin with ${describeTask(lease)} yet: ${error.message}`)
      }
      await new Promise<void>((resolve) => void host.clock.schedule(askAgainMs, resolve))
      if (!takes()) return undefined
    }
  }
}
