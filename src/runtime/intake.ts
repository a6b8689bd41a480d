import { toError } from '../core/errors.ts'
import type { Lease, Reader } from '../log/log.ts'
import { describeTask, type PartitionTask } from './partition-task.ts'
import type { StorageRetry } from './storage-retry.ts'

/** Bytes of records that are taken and not finished, over all partitions of a member. */
const mostHeldBytes = 32 << 20

/** What the intake needs of its consumer. */
export interface IntakeOwner {
  /** False when no record may be taken any more. */
  takes(): boolean
  /** Outputs that wait for their commit leave room for more. */
  hasRoom(): boolean
  failed(error: Error): void
  readonly storage: StorageRetry
}

/**
 * The partitions that a member has, and what it takes from them: reads, hands each partition its records, and lets it
 * take as many as all partitions together may have in memory. A partition with a backlog, or of a component that is
 * paused, is not read.
 */
export class Intake {
  /** By `describeTask`. */
  readonly tasks: Map<string, PartitionTask> = new Map()
  readonly #owner: IntakeOwner
  #reader: Reader | undefined
  #pausedFor: string | undefined
  /** Some task was refused more records because of the memory that all hold together. */
  #isStarved = false
  #polling: Promise<void> = Promise.resolve()

  constructor(owner: IntakeOwner) {
    this.#owner = owner
  }

  /** Before the first partition is opened. */
  set reader(reader: Reader) {
    this.#reader = reader
  }
  get pausedFor(): string | undefined {
    return this.#pausedFor
  }
  get hasBacklog(): boolean {
    return [...this.tasks.values()].some(({ hasBacklog }) => hasBacklog)
  }

  /** Reads until the owner takes no more. */
  start(): void {
    this.#polling = this.#poll()
  }
  /** Resolves when nothing is being read. */
  async end(): Promise<void> {
    this.#reader?.wake()
    await this.#polling
  }
  async close(): Promise<void> {
    await this.#reader?.close()
  }

  pause(reason: string): void {
    this.#pausedFor = reason
    for (const { lease } of this.tasks.values()) this.#reader!.pause(lease)
  }
  resume(): void {
    this.#pausedFor = undefined
    for (const task of this.tasks.values()) this.backlogChanged(task)
    this.admitAll()
  }

  open(task: PartitionTask): void {
    const { lease } = task
    this.tasks.set(describeTask(lease), task)
    task.open()
    this.#reader!.assign(lease, task.tracker.position)
    if (this.#pausedFor !== undefined) this.#reader!.pause(lease)
  }
  of(leases: readonly Lease[]): readonly PartitionTask[] {
    return leases.flatMap((lease) => this.tasks.get(describeTask(lease)) ?? [])
  }
  /** Reads no more of it. */
  unassign(task: PartitionTask): void {
    this.#reader!.unassign(task.lease)
  }
  forget(task: PartitionTask): void {
    task.close('lost')
    this.unassign(task)
    if (this.tasks.get(describeTask(task)) === task) this.tasks.delete(describeTask(task))
    // What it held was perhaps what the others waited for.
    if (this.#isStarved) this.admitAll()
  }

  /** Of records, a task that has none may take some. */
  mayAdmit(task: PartitionTask): boolean {
    const may = (task.tracker.unfinished === 0 || this.#heldBytes() < mostHeldBytes) && this.#owner.hasRoom()
    if (!may) this.#isStarved = true
    return may
  }
  backlogChanged(task: PartitionTask): void {
    if (task.hasBacklog || this.#pausedFor !== undefined) this.#reader!.pause(task.lease)
    else this.#reader!.resume(task.lease)
  }
  admitAll(): void {
    this.#isStarved = false
    if (this.#owner.takes()) for (const task of this.tasks.values()) task.admit()
  }
  /** Something of this task left memory. */
  admitMore(task: PartitionTask): void {
    if (this.#isStarved) this.admitAll()
    else if (task.hasBacklog && this.#owner.takes()) task.admit()
  }

  #heldBytes(): number {
    return [...this.tasks.values()].reduce((bytes, { heldBytes }) => bytes + heldBytes, 0)
  }
  async #poll(): Promise<void> {
    const reader = this.#reader!
    try {
      while (this.#owner.takes()) {
        for (const fetched of await this.#owner.storage.run(() => reader.poll())) {
          const task = this.tasks.get(describeTask(fetched))
          // While the poll was on its way the partition may have been lost and got again: then it reads from elsewhere.
          if (task?.active === true && reader.position(fetched) === fetched.position) task.accept(fetched)
        }
      }
    } catch (error) {
      // When it ends, the reader is woken, and perhaps by an error: it is no failure any more.
      if (this.#owner.takes()) this.#owner.failed(toError(error))
    }
  }
}
