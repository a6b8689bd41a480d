import { AsyncLocalStorage } from 'node:async_hooks'
import type { Cancel } from '../core/clock.ts'
import { describeDuration } from '../core/duration.ts'
import { type StorageUnavailableError, toError } from '../core/errors.ts'
import { FencedError } from '../log/errors.ts'
import { UnreadableRecordError } from '../topics/errors.ts'
import { Attempt, type AttemptScope } from './attempt.ts'
import { isBatch } from './batches/batch.ts'
import type { Circuit } from './circuit.ts'
import type { HomeTransaction } from './commit/commit-home.ts'
import type { Route } from './consumer-specification.ts'
import { Deadlines } from './deadlines.ts'
import type { Delivery } from './delivery.ts'
import { AttemptsSpentError, AttemptTimeoutError, CommitOutcomeError, StoppingError } from './errors.ts'
import { RejectError, RetryAfterError, type WhenSpent } from './failures.ts'
import { callHandler, isPromise, untilAborted } from './handler-call.ts'
import { handlerScope } from './handler-scope.ts'
import type { PartitionTask } from './partition-task.ts'
import { backoffMs } from './retry.ts'
import { startOfHandling, tellFailed, tellHandled } from './status/diagnostic-events.ts'
import { findStorageError } from './storage-retry.ts'
import { StorageWaits } from './storage-waits.ts'

/** Error texts of records that wait are cut to this: they are in memory. */
const mostErrorText = 500

/** The number of a record's next attempt, and its time. */
export interface NextAttempt {
  readonly attempt: number
  readonly dueMs: number
}
/** What comes of attempts, and what they need. */
export interface AttemptOwner {
  /** With a database as commit home: the transaction of one attempt. */
  begin(): HomeTransaction | undefined
  /** Ended well. With a promise the record is finished when it resolves; a rejection fails the attempt. */
  finish(attempt: Attempt, transaction: HomeTransaction | undefined): Promise<void> | undefined
  /** The record is done, or given back: its lane goes on. */
  release(delivery: Delivery, isDone: boolean): void
  /** A failure that is not this delivery's, but of records in it: it has been dealt with, and no attempt runs any more. */
  takesOver(delivery: Delivery, error: Error): boolean
  /** In place of being given up, it was taken apart: each record in it is handled alone, and no attempt runs any more. */
  splits(delivery: Delivery): boolean
  /** It waits for its next attempt durably, out of the way of others; false when there is no room for it. */
  hold(delivery: Delivery, next: NextAttempt): boolean
  /** It is dead: to the dead letters, or away. Resolves when that is on its way to the commit. */
  bury(delivery: Delivery, error: Error): Promise<void>
  /** It waits for its next attempt. */
  park(delivery: Delivery): void
  unpark(delivery: Delivery): void
  /** As `unpark`, before whatever else could start. */
  unparkFirst(delivery: Delivery): void
  /** Somebody else has the partition. */
  lost(task: PartitionTask): void
  failed(error: Error): void
}
/** `random` gives numbers from 0 to 1, for jitter. */
export interface AttemptRunnerOptions {
  readonly scope: AttemptScope
  readonly owner: AttemptOwner
  readonly whenSpent: WhenSpent
  readonly random: () => number
  /** Of a component that waits when something is away. */
  readonly circuit?: Circuit | undefined
}

/**
 * Calls handlers: middleware around them, a time limit on each attempt, another attempt after a backoff when one
 * fails, the end of the component when the last one has. A handler that returns no promise costs none.
 */
export class AttemptRunner {
  readonly #scope: AttemptScope
  readonly #owner: AttemptOwner
  readonly #random: () => number
  readonly #circuit: Circuit | undefined
  readonly #whenSpent: WhenSpent
  readonly #deadlines = new Map<number, Deadlines>()
  readonly #running = new Set<Attempt>()
  readonly #parked = new Map<Delivery, Cancel>()
  readonly #storageWaits: StorageWaits
  /** A handler's asynchronous context: that in which the runner was made, never an earlier handler's. */
  readonly #inHandlerScope: ReturnType<typeof AsyncLocalStorage.snapshot>
  #lastFailure: { readonly error: Error; readonly atMs: number } | undefined
  #stopping = false

  constructor({ scope, owner, whenSpent, random, circuit }: AttemptRunnerOptions) {
    this.#scope = scope
    this.#owner = owner
    this.#random = random
    this.#circuit = circuit
    this.#whenSpent = whenSpent
    const { host, componentName: group, log: logger } = scope
    this.#storageWaits = new StorageWaits({ clock: host.clock, logger, random, group })
    // Entering a snapshot takes half the time of `handlerScope.run` for each record (measured).
    this.#inHandlerScope = handlerScope.run(scope.host, () => AsyncLocalStorage.snapshot())
  }

  get lastFailure(): { readonly error: Error; readonly atMs: number } | undefined {
    return this.#lastFailure
  }
  /** Why records wait for storage, for people; undefined where none does. */
  get storageReason(): string | undefined {
    return this.#storageWaits.reason
  }
  /** Records that wait in memory: between two attempts, or for their time. */
  get parked(): Iterable<Delivery> {
    return this.#parked.keys()
  }

  run(delivery: Delivery): void {
    const { task, route } = delivery
    if (!task.active || this.#stopping) {
      this.#owner.release(delivery, false)
      return
    }
    task.running++
    if (delivery.verdict !== undefined) {
      void this.#giveUp(delivery, delivery.verdict)
      return
    }
    this.#circuit?.started(delivery)
    const attempt = new Attempt(this.#scope, delivery, this.#deadlinesFor(route))
    attempt.startMs = startOfHandling()
    let transaction: HomeTransaction | undefined
    let returned: PromiseLike<unknown> | undefined
    try {
      transaction = this.#owner.begin()
      if (transaction !== undefined) Object.assign(attempt, transaction.context)
      const result = this.#inHandlerScope(callHandler, this.#scope.host.middleware, attempt, transaction)
      // In here, for a getter `then` may throw too.
      if (isPromise(result)) returned = result
    } catch (error) {
      void this.#fail(attempt, transaction, error)
      return
    }
    if (returned !== undefined) void this.#await(attempt, transaction, returned)
    else if (transaction === undefined && !isBatch(delivery) && this.#knowsTopics(attempt)) this.#finishNow(attempt)
    else void this.#await(attempt, transaction, undefined)
  }

  /** Keeps a record in memory until it is due, or given back. */
  wait(delivery: Delivery, dueMs: number, resume: () => void): void {
    const { clock } = this.#scope.host
    delivery.dueMs = dueMs
    const cancel = clock.scheduleAt(dueMs, () => {
      this.#parked.delete(delivery)
      delivery.dueMs = undefined
      resume()
    })
    this.#parked.set(delivery, cancel)
  }

  /** A record failed that was handled in this batch: what comes of it is as if it had been handled alone. */
  fail(delivery: Delivery, error: Error, batch: Delivery): void {
    this.#circuit?.passOn(batch, delivery)
    delivery.task.running++
    void this.#judge(delivery, error)
  }

  /** Takes a task out of memory that waits for its time and was never tried; undefined where there is none. */
  takeDelayed(task: PartitionTask, id: string): Delivery | undefined {
    for (const delivery of this.#parked.keys()) {
      if (delivery.task !== task || delivery.id !== id || delivery.failure !== undefined) continue
      // Tried already: it waits for a circuit, not for a time.
      if (delivery.dueMs === undefined) continue
      this.#giveBack(delivery)
      return delivery
    }
    return undefined
  }

  /** Starts nothing more; what waits for its next attempt is given back. */
  stop(): void {
    this.#stopping = true
    for (const delivery of [...this.#parked.keys()]) this.#giveBack(delivery)
  }

  /** As `stop`, for one partition. */
  stopTask(task: PartitionTask): void {
    for (const delivery of [...this.#parked.keys()]) if (delivery.task === task) this.#giveBack(delivery)
  }

  /** Aborts what runs, of one task or all; their records are given back. */
  abort(task?: PartitionTask): void {
    for (const attempt of [...this.#running]) {
      if (task === undefined || attempt.delivery.task === task)
        attempt.abort(new StoppingError(this.#scope.componentName))
    }
  }

  close(): void {
    for (const deadlines of this.#deadlines.values()) deadlines.close()
  }

  async #await(
    attempt: Attempt,
    transaction: HomeTransaction | undefined,
    returned: PromiseLike<unknown> | undefined,
  ): Promise<void> {
    this.#running.add(attempt)
    try {
      if (returned !== undefined) await untilAborted(attempt, returned)
      attempt.end()
      if (!this.#knowsTopics(attempt)) await this.#scope.host.ensureOutputs(attempt.definitions)
      const finished = this.#owner.finish(attempt, transaction)
      // Nothing may come between when it is finished at once: the commit looks right after whether anything still runs.
      if (finished !== undefined) await finished
    } catch (error) {
      await this.#fail(attempt, transaction, error)
      return
    } finally {
      this.#running.delete(attempt)
    }
    this.#finished(attempt)
  }

  #finishNow(attempt: Attempt): void {
    attempt.end()
    void this.#owner.finish(attempt, undefined)
    this.#finished(attempt)
  }
  #finished({ delivery, startMs }: Attempt): void {
    tellHandled(this.#scope.componentName, delivery, startMs)
    this.#release(delivery, true)
    this.#circuit?.succeeded(delivery)
  }

  async #fail(attempt: Attempt, transaction: HomeTransaction | undefined, thrown: unknown): Promise<void> {
    attempt.end()
    const { delivery } = attempt
    const isLate = thrown instanceof AttemptTimeoutError
    const error = (isLate && transaction?.refusal) || toError(thrown)
    try {
      await transaction?.rollback()
    } catch (error) {
      this.#scope.log.warn(`a rollback failed: ${toError(error).message}`, { error })
    }
    await this.#judge(delivery, error)
  }

  /** What comes of a failure. */
  async #judge(delivery: Delivery, error: Error): Promise<void> {
    const refusal = findStorageError(error)
    if (refusal === undefined) this.#storageWaits.ended(delivery)
    if (error instanceof FencedError) this.#owner.lost(delivery.task)
    if (this.#stopping || !delivery.task.active || error instanceof StoppingError) {
      this.#release(delivery, false)
      this.#circuit?.gaveBack(delivery)
      return
    }
    if (error instanceof CommitOutcomeError) {
      this.#owner.failed(error)
      this.#release(delivery, false)
      this.#circuit?.gaveBack(delivery)
      return
    }
    if (this.#owner.takesOver(delivery, error)) {
      this.#circuit?.gaveBack(delivery)
      return
    }
    if (this.#circuit?.failed(delivery, error, () => this.#resume(delivery))) {
      this.#storageWaits.forget(delivery)
      this.#waitForCircuit(delivery)
      return
    }
    const nowMs = this.#scope.host.clock.nowMs()
    this.#lastFailure = { error, atMs: nowMs }
    delivery.failure = {
      error: error.message.slice(0, mostErrorText),
      firstFailedAtMs: delivery.failure?.firstFailedAtMs ?? nowMs,
      lastFailedAtMs: nowMs,
    }
    if (refusal !== undefined) {
      const dueMs = this.#waitForStorage(delivery, refusal)
      const failed = { error, attempt: delivery.attempt, retryInMs: dueMs - nowMs }
      tellFailed(this.#scope.componentName, delivery, failed)
    } else if (error instanceof RetryAfterError) this.#retry(delivery, error, error.delayMs)
    else if (!(error instanceof RejectError) && delivery.attempt < delivery.route.retry.attempts) {
      const waitMs = backoffMs(delivery.route.retry, delivery.attempt, this.#random)
      delivery.attempt++
      this.#retry(delivery, error, waitMs)
    } else await this.#giveUp(delivery, error)
  }

  /** It waits in memory until the circuit lets it go on, or it is given back. */
  #waitForCircuit(delivery: Delivery): void {
    delivery.task.running--
    this.#parked.set(delivery, () => this.#circuit!.forget(delivery))
    this.#owner.park(delivery)
  }
  #resume(delivery: Delivery): void {
    this.#parked.delete(delivery)
    this.#owner.unparkFirst(delivery)
  }

  #retry(delivery: Delivery, error: Error, waitMs: number): void {
    const { host, componentName, log } = this.#scope
    const { task, offset, attempt } = delivery
    const wait = describeDuration(waitMs)
    log.warn(`'${componentName}': an attempt failed, number ${attempt} comes in ${wait}: ${error.message}`, {
      topic: task.topic,
      partition: task.partition,
      offset,
      error,
    })
    const failed = error instanceof RetryAfterError ? attempt : attempt - 1
    tellFailed(componentName, delivery, { error, attempt: failed, retryInMs: waitMs })
    const dueMs = host.clock.nowMs() + waitMs
    task.running--
    const lasts = waitMs > host.longestWaitInMemoryMs || delivery.parked !== undefined
    if (lasts && this.#owner.hold(delivery, { attempt, dueMs })) return
    this.#waitInMemory(delivery, dueMs)
  }
  #waitInMemory(delivery: Delivery, dueMs: number): void {
    this.wait(delivery, dueMs, () => this.#owner.unpark(delivery))
    this.#owner.park(delivery)
  }
  /** It goes on where it was, when its time has come: handled again, or buried where it has its verdict. */
  #waitForStorage(delivery: Delivery, error: StorageUnavailableError): number {
    const dueMs = this.#storageWaits.failed(delivery, error)
    delivery.task.running--
    this.#waitInMemory(delivery, dueMs)
    return dueMs
  }

  async #giveUp(delivery: Delivery, cause: Error): Promise<void> {
    const { task, offset, id, attempt } = delivery
    if (delivery.verdict === undefined) {
      if (this.#owner.splits(delivery)) return
      tellFailed(this.#scope.componentName, delivery, { error: cause, attempt })
    }
    let isDone = false
    if (this.#whenSpent !== 'stop') {
      try {
        await this.#owner.bury(delivery, cause)
        isDone = true
      } catch (error) {
        const refusal = findStorageError(error)
        if (error instanceof FencedError) this.#owner.lost(task)
        else if (refusal === undefined) this.#owner.failed(toError(error))
        else if (task.active && !this.#stopping) {
          delivery.verdict = cause
          this.#waitForStorage(delivery, refusal)
          return
        }
      }
    } else if (cause instanceof UnreadableRecordError) this.#owner.failed(cause)
    else {
      const place = { topic: task.topic, partition: task.partition, offset }
      const { componentName: component } = this.#scope
      this.#owner.failed(new AttemptsSpentError({ component, place, id, attempts: attempt, cause }))
    }
    this.#release(delivery, isDone)
  }

  #release(delivery: Delivery, isDone: boolean): void {
    delivery.task.running--
    if (isDone) this.#storageWaits.ended(delivery)
    else this.#storageWaits.forget(delivery)
    this.#owner.release(delivery, isDone)
  }
  /** It has no slot; its lane ends with its partition, or with the component. */
  #giveBack(delivery: Delivery): void {
    this.#parked.get(delivery)?.()
    this.#parked.delete(delivery)
    this.#storageWaits.forget(delivery)
  }

  #knowsTopics({ definitions }: Attempt): boolean {
    return definitions.every((definition) => this.#scope.host.takesOutputs(definition))
  }

  #deadlinesFor({ timeoutMs }: Route): Deadlines {
    let deadlines = this.#deadlines.get(timeoutMs)
    if (deadlines === undefined) {
      deadlines = new Deadlines(this.#scope.host.clock, timeoutMs)
      this.#deadlines.set(timeoutMs, deadlines)
    }
    return deadlines
  }
}
