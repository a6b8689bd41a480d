import type { Attempt } from '../attempt.ts'
import type { AttemptOwner, AttemptRunner, NextAttempt } from '../attempt-runner.ts'
import type { HomeTransaction } from '../commit/commit-home.ts'
import type { Delivery } from '../delivery.ts'
import type { Outcomes } from '../outcomes.ts'
import type { PartitionTask } from '../partition-task.ts'
import { type BatchDelivery, everyOf, formBatch, isBatch, outcomeOf } from './batch.ts'
import type { BatchLanes } from './batch-lanes.ts'

/** Some items failed, and what the batch put out is perhaps theirs: it is rolled back and done again without them. */
class AgainWithoutFailedError extends Error {}

/**
 * What becomes of batches when their attempts end; single records are passed on.
 *
 * - It ended well: all of it commits at once. Items that failed go their own way, those behind them of their key after
 *   them. Had the batch outputs or a transaction, nothing of that commits: what is left is handled again at once, and if
 *   items fail again, one by one.
 * - It threw: it is tried again as a whole, the partition waiting with it in memory. When it is given up, its records are
 *   handled one by one, each with the attempts that are left, one at least.
 * - A batch of one record that throws is that record's failure.
 */
export class Batching implements AttemptOwner {
  readonly #outcomes: Outcomes
  readonly #lanes: BatchLanes
  readonly #runner: () => AttemptRunner

  constructor(options: {
    readonly outcomes: Outcomes
    readonly lanes: BatchLanes
    readonly runner: () => AttemptRunner
  }) {
    this.#outcomes = options.outcomes
    this.#lanes = options.lanes
    this.#runner = options.runner
  }

  begin(): HomeTransaction | undefined {
    return this.#outcomes.begin()
  }
  finish(attempt: Attempt, transaction: HomeTransaction | undefined): Promise<void> | undefined {
    const { delivery, outputs } = attempt
    if (!isBatch(delivery)) return this.#outcomes.finish(attempt, transaction)
    const { failures, members, left } = delivery
    const putsOut = transaction !== undefined || outputs.length > 0
    if (failures.size > 0 && (putsOut || left !== undefined)) throw new AgainWithoutFailedError()
    const done = failures.size === 0 ? members : outcomeOf(delivery).done
    return this.#outcomes.settle(delivery.task, { deliveries: done, outputs }, transaction)
  }
  release(delivery: Delivery, isDone: boolean): void {
    if (!isBatch(delivery)) {
      this.#outcomes.release(delivery, isDone)
      return
    }
    if (isDone) this.#dealWith(delivery)
    else for (const member of everyOf(delivery)) this.#outcomes.release(member, false)
    this.#end(delivery)
  }
  takesOver(delivery: Delivery, error: Error): boolean {
    if (!isBatch(delivery)) return false
    const { members, left } = delivery
    if (error instanceof AgainWithoutFailedError) this.#handleAgain(delivery)
    else if (members.length === 1 && left === undefined) this.#fail(delivery, members[0]!, error)
    else return false
    delivery.task.running--
    this.#end(delivery)
    return true
  }
  splits(delivery: Delivery): boolean {
    if (!isBatch(delivery)) return false
    this.#split(delivery)
    delivery.task.running--
    this.#end(delivery)
    return true
  }
  hold(delivery: Delivery, next: NextAttempt): boolean {
    return !isBatch(delivery) && this.#outcomes.hold(delivery, next)
  }
  bury(delivery: Delivery, error: Error): Promise<void> {
    return this.#outcomes.bury(delivery, error)
  }
  park(delivery: Delivery): void {
    this.#outcomes.park(delivery)
  }
  unpark(delivery: Delivery): void {
    this.#outcomes.unpark(delivery)
  }
  unparkFirst(delivery: Delivery): void {
    this.#outcomes.unparkFirst(delivery)
  }
  lost(task: PartitionTask): void {
    this.#outcomes.lost(task)
  }
  failed(error: Error): void {
    this.#outcomes.failed(error)
  }

  #end(batch: BatchDelivery): void {
    this.#lanes.end(batch)
    this.#outcomes.ended(batch.task)
  }
  #handleAgain(batch: BatchDelivery): void {
    const { done, failed, followers } = outcomeOf(batch)
    if (batch.left !== undefined) this.#split(batch)
    else if (done.length === 0) this.#dealWith(batch)
    // The failed ones after it: an earlier one of their key may be in it.
    else this.#lanes.goOn(formBatch(done, { failed, followers }))
  }
  #split(batch: BatchDelivery): void {
    const all = everyOf(batch)
    for (const member of all) inherit(batch, member)
    this.#lanes.split(batch.task, all)
  }

  #dealWith(batch: BatchDelivery): void {
    const { done, failed, followers } = outcomeOf(batch)
    // Before the failed ones: a failed one that is held takes those behind it into the store.
    for (const follower of followers) this.#lanes.offer(follower)
    for (const [member, error] of failed) this.#fail(batch, member, error)
    const busyKeys = new Set(failed.map(([{ laneKey }]) => laneKey))
    const last = new Map(done.map((member) => [member.laneKey, member]))
    for (const member of done) {
      // A key's lane is free with the last of its records.
      const { laneKey } = member
      const isLast = laneKey === null || (last.get(laneKey) === member && !busyKeys.has(laneKey))
      if (isLast) this.#outcomes.release(member, true)
      else this.#outcomes.pass(member, true)
    }
  }
  #fail(batch: BatchDelivery, member: Delivery, error: Error): void {
    inherit(batch, member)
    this.#runner().fail(member, error, batch)
  }
}

function inherit(batch: BatchDelivery, member: Delivery): void {
  member.attempt = batch.attempt
  member.failure = batch.failure
}
