import { toError } from '../../core/errors.ts'
import type { Logger } from '../../core/logger.ts'
import { FencedError } from '../../log/errors.ts'
import type { Fetched, Log, Reader } from '../../log/log.ts'
import type { Unsettled } from '../attachment.ts'
import { describeTask, type PartitionTask } from '../partition-task.ts'
import type { StorageRetry } from '../storage-retry.ts'
import { type Command, type Outcome, readCommand } from './command.ts'

/** What reading commands needs of its consumer. */
export interface CommandReaderOptions {
  readonly group: string
  readonly log: Log
  /** The topic of commands; it was ensured. */
  readonly topic: string
  readonly logger: Logger
  readonly nowMs: () => number
  readonly storage: StorageRetry
  /** False when nothing more is to be done. */
  readonly takes: () => boolean
  /** That the member has now. */
  readonly tasks: () => Iterable<PartitionTask>
  /**
   * Looks up what a command needs, then gives what carries it out, at once: that says what became of it, or undefined where
   * it is not about a record of this task.
   */
  readonly prepare: (command: Command, task: PartitionTask) => Promise<() => Outcome | undefined>
  /** Commits what was changed in the store of a task. */
  readonly commit: (task: PartitionTask) => Promise<void>
  /** There are answers to commit to the log. */
  readonly answered: (task: PartitionTask) => void
  readonly lost: (task: PartitionTask) => void
  readonly failed: (error: Error) => void
}

/**
 * Carries out what a group is told in its topic of commands. Each of its partitions, whoever owns it, reads the partition
 * of the same number there, and keeps how far it is in its own store: position and effect are one commit, so that each
 * command is carried out once. What meets a log or a database that is locked or full is done again, step by step.
 */
export class CommandReader {
  readonly #options: CommandReaderOptions
  readonly #reader: Reader
  #reading: Promise<void> = Promise.resolve()

  constructor(options: CommandReaderOptions) {
    this.#options = options
    this.#reader = options.log.createReader()
  }

  start(): void {
    this.#reading = this.#read()
  }
  /** A partition was opened. */
  open({ partition, parking }: PartitionTask): void {
    const place = { topic: this.#options.topic, partition }
    const isRead = this.#assigned.has(partition)
    // Of two topics that are read together, one may be behind.
    if (isRead && this.#reader.position(place) <= parking.commandPosition) return
    this.#assigned.add(partition)
    this.#reader.assign(place, parking.commandPosition)
  }
  readonly #assigned = new Set<number>()

  /** Resolves when no command is being carried out. */
  async end(): Promise<void> {
    this.#reader.wake()
    await this.#reading
  }
  async close(): Promise<void> {
    await this.#reader.close()
  }

  /** Commands for partitions of this member that were not carried out. */
  async unsettled(): Promise<readonly Unsettled[]> {
    const { topic, group, log } = this.#options
    const tasks = [...this.#options.tasks()]
    const places = tasks.map(({ partition }) => ({ topic, partition }))
    const [starts, ends] = [await log.offsets('start', places), await log.offsets('end', places)]
    return tasks.flatMap((task, index) => {
      // What is deleted is no command any more.
      const isBehind = task.active && Math.max(task.parking.commandPosition, starts[index]!) < ends[index]!
      return isBehind ? [{ what: `'${group}': there is a command for ${describeTask(task)}` }] : []
    })
  }

  async #read(): Promise<void> {
    try {
      while (this.#options.takes()) {
        for (const fetched of await this.#options.storage.run(() => this.#reader.poll()))
          await this.#carryOutAll(fetched)
      }
    } catch (error) {
      if (this.#options.takes()) this.#options.failed(toError(error))
    }
  }

  async #carryOutAll(fetched: Fetched): Promise<void> {
    // Up to it, commands may have been deleted: whoever is behind it has nothing to carry out before it.
    const { log, storage } = this.#options
    const [start] = await storage.run(() => log.offsets('start', [fetched]))
    // One that was opened meanwhile is not among them: it has set the reader back to its own position.
    const tasks = [...this.#options.tasks()].filter(
      ({ partition, parking }) =>
        partition === fetched.partition && Math.max(parking.commandPosition, start!) >= fetched.from,
    )
    if (tasks.length === 0) return this.#leave(fetched)
    for (const task of tasks) {
      try {
        await this.#carryOut(fetched, task)
      } catch (error) {
        if (error instanceof FencedError) this.#options.lost(task)
        else if (task.active) throw error
      }
    }
  }

  async #carryOut(fetched: Fetched, task: PartitionTask): Promise<void> {
    const { storage, takes, prepare } = this.#options
    const goesOn = () => task.active && takes()
    const answers: (readonly [id: string, outcome: Outcome])[] = []
    for (const batch of fetched.batches) {
      if (batch.isControl) continue
      const cursor = batch.records()
      while (task.active && this.#options.takes() && cursor.next()) {
        if (cursor.offset < task.parking.commandPosition) continue
        let command: Command | undefined
        try {
          command = readCommand(cursor)
        } catch (error) {
          this.#options.logger.warn(`'${this.#options.group}': ${toError(error).message}`, { error })
        }
        const known = command
        const carryOut = known && (await storage.run(() => prepare(known, task), goesOn))
        if (!task.active) return
        const outcome = carryOut?.()
        task.parking.commandPosition = cursor.offset + 1
        if (outcome !== undefined) answers.push([command!.id, outcome])
      }
    }
    if (!task.active || !this.#options.takes()) return
    if (task.parking.commandPosition < fetched.position) task.parking.commandPosition = fetched.position
    await storage.run(() => this.#options.commit(task), goesOn)
    if (answers.length === 0) return
    // Apart, for in a database the store is not in the log. What is lost between the two is an answer.
    await storage.run(() => task.answers.sweep(this.#options.nowMs()), goesOn)
    for (const [id, outcome] of answers) task.answers.put(id, outcome)
    this.#options.answered(task)
  }

  #leave({ partition }: Fetched): void {
    const { topic, tasks } = this.#options
    for (const task of tasks()) if (task.partition === partition) return
    this.#assigned.delete(partition)
    this.#reader.unassign({ topic, partition })
  }
}
