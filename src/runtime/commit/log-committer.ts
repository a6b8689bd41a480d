import { toError } from '../../core/errors.ts'
import { FencedError } from '../../log/errors.ts'
import type { Log, Member, Unit } from '../../log/log.ts'
import type { Host } from '../attachment.ts'
import type { Delivery } from '../delivery.ts'
import type { PartitionTask } from '../partition-task.ts'
import { diagnostics } from '../status/diagnostics.ts'
import type { StorageRetry } from '../storage-retry.ts'
import type { PartitionStoreWrites } from './commit-home.ts'
import type { OutputMessage } from './output.ts'
import { encodeFinished, type Progress } from './progress.ts'
import { type KeylessRotation, Stager } from './stager.ts'

/** Outputs of finished handlers that wait for a commit, at most, before one is made at once. */
const urgentBytes = 1 << 20
/** And before no further record is taken. */
const fullBytes = 16 << 20
/** Under load a commit may take this part of the time. */
const commitShare = 0.05
const longestIntervalMs = 200

/** What of one partition goes into a commit. */
interface TaskCommit {
  readonly task: PartitionTask
  readonly progress: Progress
  readonly outputs: readonly OutputMessage[]
  readonly stores: readonly PartitionStoreWrites[]
}
/** What a committer needs of its consumer. */
export interface LogCommitterOptions {
  readonly host: Host
  readonly log: Log
  readonly group: string
  readonly rotation: KeylessRotation
  /** Sends a unit again that the log has no room for at the moment. */
  readonly storage: StorageRetry
  /** Nothing runs and nothing waits: commit at once. */
  readonly drained: () => boolean
  readonly failed: (error: Error) => void
  /** The member does not have this partition any more. */
  readonly lost: (task: PartitionTask) => void
  /** The commit is through: there may be room again. */
  readonly committed: () => void
  /** Offsets alone, that mean nothing for correctness (a database is the home): at leisure. */
  readonly lazy: boolean
}

/**
 * The log as commit home: consumed offsets and outputs of all partitions of a member, in one unit.
 *
 *     idle → scheduled → committing → idle, or scheduled again when something finished meanwhile
 *                            └── failed, for good: a later commit would move the position past records whose outputs
 *                                were lost with the failed one
 *
 * Commits at once when the input is drained, at an interval under load (the longer, the more a commit costs), and at
 * once when outputs pile up. One at a time: a later unit holds all that an earlier one did not.
 */
export class LogCommitter {
  readonly #options: LogCommitterOptions
  readonly #outputs = new Map<PartitionTask, OutputMessage[]>()
  readonly #dirty = new Set<PartitionTask>()
  #bytes = 0
  #member: Member | undefined
  readonly #joined = Promise.withResolvers<void>()
  #lookAgain = false
  #timer: NodeJS.Timeout | undefined
  #committing: Promise<void> | undefined
  #hasFailed = false

  constructor(options: LogCommitterOptions) {
    this.#options = options
  }

  /** Known only when the first assignment was taken; what moved before is committed then. */
  set member(member: Member) {
    this.#member = member
    this.#joined.resolve()
    this.#schedule()
  }
  get hasRoom(): boolean {
    return this.#bytes < fullBytes
  }
  /** What a commit costs is known better the longer the log is in use. */
  get #intervalMs(): number {
    const { lazy, log } = this.#options
    return lazy ? longestIntervalMs : Math.min(longestIntervalMs, log.commitCostMs / commitShare)
  }
  /** Nothing is waiting and nothing is on its way. */
  get clean(): boolean {
    return this.#dirty.size === 0 && this.#committing === undefined
  }

  /** These records of a task are done: finished, or out of the store. The outputs go out with the commit of that. */
  settle(
    task: PartitionTask,
    { deliveries, outputs }: { readonly deliveries: readonly Delivery[]; readonly outputs: readonly OutputMessage[] },
  ): void {
    if (outputs.length > 0) this.#keep(task, outputs)
    for (const delivery of deliveries) {
      for (const [key, value] of task.changesOf(delivery)) task.parking.buffer.put(key, value)
      task.deduplication?.marked(delivery)
      if (delivery.entry !== undefined) task.tracker.finish(delivery.entry)
    }
    this.touch(task)
  }

  /** The position of a task moved. */
  touch(task: PartitionTask): void {
    this.#dirty.add(task)
    if (this.#lookAgain || this.#committing !== undefined) return
    // Asked when everything of this turn has finished: then a batch of handlers that end at once is one commit.
    this.#lookAgain = true
    queueMicrotask(this.#schedule)
  }

  /** Commits all that has finished until now; nothing after a failure. Never rejects: a failure is the component's. */
  async flush(): Promise<void> {
    while (this.#committing !== undefined) await this.#committing
    if (this.#dirty.size > 0 && !this.#hasFailed) await this.#start()
  }

  /** Commits where a task stands, and that is fenced: afterwards it is closed if its partition is somebody else's. */
  async confirm(task: PartitionTask): Promise<void> {
    await this.#joined.promise
    this.touch(task)
    await this.flush()
  }

  /** Forgets what a lost partition had ready. */
  drop(task: PartitionTask): void {
    this.#dirty.delete(task)
    for (const output of this.#outputs.get(task) ?? []) this.#bytes -= sizeOf(output)
    this.#outputs.delete(task)
  }

  #keep(task: PartitionTask, outputs: readonly OutputMessage[]): void {
    const kept = this.#outputs.get(task)
    if (kept === undefined) this.#outputs.set(task, [...outputs])
    // One by one: as arguments of one call, a hundred thousand of them overflow the stack.
    else for (const output of outputs) kept.push(output)
    for (const output of outputs) this.#bytes += sizeOf(output)
  }

  readonly #schedule = (): void => {
    this.#lookAgain = false
    if (this.#hasFailed || this.#member === undefined || this.#committing !== undefined || this.#dirty.size === 0)
      return
    const now = (!this.#options.lazy && this.#options.drained()) || this.#bytes > urgentBytes
    if (now) void this.#start()
    else this.#timer ??= setTimeout(() => void this.#start(), this.#intervalMs)
  }

  #start(): Promise<void> {
    clearTimeout(this.#timer)
    this.#timer = undefined
    // A commit of nothing, or one that cannot be built, ends before `#commit` returns: `#ended` comes after this line.
    this.#committing ??= this.#commit().then(this.#ended)
    return this.#committing
  }
  readonly #ended = (): void => {
    this.#committing = undefined
    this.#options.host.progressed()
    this.#options.committed()
    if (this.#dirty.size > 0) this.#schedule()
  }

  async #commit(): Promise<void> {
    let commits = this.#take()
    try {
      for (;;) {
        commits = this.#withoutLost(commits)
        if (commits.length === 0) break
        try {
          await this.#options.storage.run(() => this.#send(commits))
          for (const { task } of commits) {
            task.answers.buffer.committed()
            if (!this.#options.lazy) task.parking.buffer.committed()
          }
          break
        } catch (error) {
          // Fenced: a lease ended between staging and commit. Those that are still ours are committed without it.
          if (!(error instanceof FencedError) || this.#withoutLost(commits).length === commits.length) throw error
        }
      }
    } catch (error) {
      this.#hasFailed = true
      this.#options.failed(toError(error))
    }
  }

  async #send(commits: readonly TaskCommit[]): Promise<void> {
    const startMs = performance.now()
    await this.#options.log.commit(this.#build(commits))
    if (!diagnostics.committed.hasSubscribers) return
    const outputs = commits.reduce((count, { outputs }) => count + outputs.length, 0)
    const durationMs = performance.now() - startMs
    diagnostics.committed.publish({ group: this.#options.group, partitions: commits.length, outputs, durationMs })
  }

  #take(): readonly TaskCommit[] {
    const commits: TaskCommit[] = []
    for (const task of this.#dirty) {
      const { tracker, parking, answers } = task
      const stores = answers.buffer.isDirty ? [answers.buffer.take()] : []
      // With a database as home the stores are there, and commit with its transactions.
      if (!this.#options.lazy && parking.buffer.isDirty) stores.push(parking.buffer.take())
      commits.push({ task, progress: tracker.progress(), outputs: this.#outputs.get(task) ?? [], stores })
    }
    this.#dirty.clear()
    this.#outputs.clear()
    this.#bytes = 0
    return commits
  }

  #withoutLost(commits: readonly TaskCommit[]): readonly TaskCommit[] {
    const held = new Set(this.#member?.leases.map(({ topic, partition, epoch }) => `${topic}/${partition}/${epoch}`))
    return commits.filter(({ task }) => {
      const { topic, partition, epoch } = task.lease
      if (held.has(`${topic}/${partition}/${epoch}`)) return true
      this.#options.lost(task)
      return false
    })
  }

  #build(commits: readonly TaskCommit[]): Unit {
    const { host, group, rotation } = this.#options
    const stager = new Stager(host.knownTopic, rotation)
    for (const { outputs } of commits) for (const output of outputs) stager.add(output)
    rotation.endUnit()
    const offsets = commits.map(({ task: { lease }, progress }) => ({
      topic: lease.topic,
      partition: lease.partition,
      epoch: lease.epoch,
      position: progress.position,
      metadata: encodeFinished(progress),
    }))
    const stores = commits.flatMap(({ task: { topic, partition }, stores }) =>
      stores.map((store) => ({ ...store, topic, partition })),
    )
    return { batches: stager.take(), offsets: { group, member: this.#member!, offsets }, stores }
  }
}

function sizeOf({ key, value }: OutputMessage): number {
  return 64 + (key?.length ?? 0) + (value?.length ?? 0)
}
