import type { Condition } from '../core/condition.ts'
import type { Host } from './attachment.ts'
import type { Attempt } from './attempt.ts'
import type { AttemptOwner, NextAttempt } from './attempt-runner.ts'
import type { HomeTransaction } from './commit/commit-home.ts'
import type { DatabaseCommitter } from './commit/database-committer.ts'
import type { LogCommitter } from './commit/log-committer.ts'
import type { OutputMessage } from './commit/output.ts'
import type { Delivery } from './delivery.ts'
import type { Intake } from './intake.ts'
import type { Scheduler } from './lanes.ts'
import type { Holding } from './parking/holding.ts'
import type { PartitionTask } from './partition-task.ts'
import type { RateMeter } from './status/rate-meter.ts'

/** What a consumer has from its start on. */
export interface OutcomeParts {
  readonly offsets: LogCommitter
  readonly database: DatabaseCommitter | undefined
  readonly holding: Holding
}
/** What outcomes need of their consumer. */
export interface OutcomesOptions {
  readonly host: Host
  readonly lanes: Scheduler<Delivery>
  readonly intake: Intake
  readonly rates: RateMeter
  /** Told when an attempt has ended, or waits. */
  readonly attempts: Condition
  readonly lost: (task: PartitionTask) => void
  readonly failed: (error: Error) => void
}

/** What becomes of records when their attempts end: committed, put aside, dead, or given back. */
export class Outcomes implements AttemptOwner {
  readonly #options: OutcomesOptions
  readonly lost: (task: PartitionTask) => void
  readonly failed: (error: Error) => void
  #parts: OutcomeParts | undefined

  constructor(options: OutcomesOptions) {
    this.#options = options
    this.lost = options.lost
    this.failed = options.failed
  }

  /** Before the first attempt. */
  open(parts: OutcomeParts): void {
    this.#parts = parts
  }

  begin(): HomeTransaction | undefined {
    return this.#parts!.database?.begin()
  }
  finish(attempt: Attempt, transaction: HomeTransaction | undefined): Promise<void> | undefined {
    const { delivery, outputs } = attempt
    return this.settle(delivery.task, { deliveries: [delivery], outputs }, transaction)
  }
  /** These records of a task are done, with these outputs, in one commit. As `finish`. */
  settle(
    task: PartitionTask,
    done: { readonly deliveries: readonly Delivery[]; readonly outputs: readonly OutputMessage[] },
    transaction: HomeTransaction | undefined,
  ): Promise<void> | undefined {
    const { database, offsets } = this.#parts!
    if (transaction !== undefined) return database!.settle(task, done, transaction)
    offsets.settle(task, done)
    return undefined
  }
  takesOver(): boolean {
    return false
  }
  splits(): boolean {
    return false
  }
  hold(delivery: Delivery, next: NextAttempt): boolean {
    if (!this.#parts!.holding.hold(delivery, next)) return false
    this.#options.host.progressed()
    this.#options.attempts.changed()
    return true
  }
  bury(delivery: Delivery, error: Error): Promise<void> {
    return this.#parts!.holding.bury(delivery, error)
  }
  release(delivery: Delivery, isDone: boolean): void {
    const { lanes, intake, attempts } = this.#options
    const { task } = delivery
    this.pass(delivery, isDone)
    if (!this.#parts!.holding.release(delivery, isDone)) lanes.done(delivery)
    intake.admitMore(task)
    attempts.changed()
  }
  /** Something of this task has ended. */
  ended(task: PartitionTask): void {
    const { host, intake, attempts } = this.#options
    intake.admitMore(task)
    host.progressed()
    attempts.changed()
  }
  /** As `release`, of a record that others of its batch follow in its lane. */
  pass(delivery: Delivery, isDone: boolean): void {
    if (isDone) this.#options.rates.count++
    if (delivery.parked === undefined) delivery.task.letGo(delivery)
  }
  park(delivery: Delivery): void {
    this.#options.lanes.park(delivery)
    this.#options.host.progressed()
    this.#options.attempts.changed()
  }
  unpark(delivery: Delivery): void {
    this.#options.lanes.unpark(delivery)
  }
  unparkFirst(delivery: Delivery): void {
    this.#options.lanes.unparkFirst(delivery)
  }
}
