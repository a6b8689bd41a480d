import { invariant, toError } from '../../core/errors.ts'
import type { Bytes } from '../../log/records/batch-writer.ts'
import type { RecordBatch } from '../../log/records/record-batch.ts'
import type { Host } from '../attachment.ts'
import type { OutputMessage } from '../commit/output.ts'
import { type Delivery, recordOf } from '../delivery.ts'
import type { WhenSpent } from '../failures.ts'
import type { Scheduler } from '../lanes.ts'
import type { PartitionTask } from '../partition-task.ts'
import { tellDead, tellHeld, tellRedriven } from '../status/diagnostic-events.ts'
import { findStorageError } from '../storage-retry.ts'
import type { Cancel, Command, Outcome, Redrive } from './command.ts'
import { deadLetterTopic, encodeDeadLetter } from './dead-letter.ts'
import type { FailureNote, ParkedRecord } from './parked-record.ts'

/** What became of a death is remembered for so long: a second command for it does nothing. */
const deathRememberedMs = 7 * 24 * 60 * 60_000

/** What holding needs of its consumer. */
export interface HoldingOwner {
  readonly host: Host
  readonly group: string
  readonly whenSpent: WhenSpent
  readonly lanes: Pick<Scheduler<Delivery>, 'offer' | 'park' | 'unpark'>
  /** Partitions of a topic that belongs to the group. */
  readonly partitions: number
  /** The record is done: with these outputs, in the commit home. */
  settle(delivery: Delivery, outputs: readonly OutputMessage[]): Promise<void> | undefined
  /** What a task parked, or took out, is to be committed. */
  store(task: PartitionTask): void
  /** Resolves when it is known whether the partition is still this member's; where it is not, the task is closed. */
  confirm(task: PartitionTask): Promise<void>
  /** Keeps a record in memory, unfinished, and offers it when it is due. */
  wait(delivery: Delivery, dueMs: number): void
  /** Takes a task out of memory that waits there for its time. */
  takeDelayed(task: PartitionTask, id: string): Delivery | undefined
  failed(error: Error): void
}

/**
 * Keeps records that wait longer than memory should: between attempts (*held*, with those of their key behind them) and
 * before their time (*delayed*). They leave their partition's offsets for its store, so that the partition goes on.
 *
 * A held record's lane stays busy. What comes for its key meanwhile follows it into the store, in order; when there is no
 * room, it waits in the lane, unfinished, until the lane is free, which stops the partition's intake in the end. Once
 * parked, a record stays in the store until the commit that finishes it, however often it is tried.
 */
export class Holding {
  readonly #owner: HoldingOwner
  constructor(owner: HoldingOwner) {
    this.#owner = owner
  }

  /** A record on its way to its lane. Behind a held one it is parked at once. Also for a delayed one that is due. */
  offer(delivery: Delivery): void {
    const { task, laneKey } = delivery
    const waiting = laneKey === null ? undefined : task.lanes.get(laneKey)
    if (waiting !== undefined && waiting.length === 0 && this.#follow(delivery)) this.#owner.store(task)
    else this.#owner.lanes.offer(delivery)
  }

  /** Parks a task that is not due, or keeps it in memory where there is no room. False when it is due. */
  delay(delivery: Delivery, dueMs: number): boolean {
    if (dueMs <= this.#owner.host.clock.nowMs()) return false
    if (this.#park(delivery, { reason: 'delayed', dueMs })) this.#owner.store(delivery.task)
    else this.#owner.wait(delivery, dueMs)
    return true
  }

  /** Parks a record that failed, and those that wait behind it. False when there is no room for it. */
  hold(delivery: Delivery, { attempt, dueMs }: { readonly attempt: number; readonly dueMs: number }): boolean {
    const { task, parked, failure, laneKey } = delivery
    delivery.attempt = attempt
    if (parked !== undefined) {
      const changes = { reason: 'held', dueMs, attempt, ...(failure && { failure }) } as const
      // Redriven ones, and those behind it, came into its lane while it ran.
      if (parked.reason === 'delayed' && task.parking.isHeld(laneKey))
        task.parking.move(parked, { ...changes, place: 'first', fields: recordOf(delivery) })
      else task.parking.change(parked, changes)
      task.parking.awake.delete(parked.sequence)
    } else if (!this.#park(delivery, { reason: 'held', dueMs })) return false
    this.#owner.lanes.park(delivery)
    if (laneKey !== null) {
      task.unparkedLanes.delete(laneKey)
      this.#own(task, laneKey)
      this.#divert(task, laneKey)
      // Redriven while this one ran, it was told then, when it was not its turn.
      const first = task.parking.firstOf(laneKey)!
      if (parked !== undefined && first.sequence !== parked.sequence) task.parking.remind(first)
    }
    this.#owner.store(task)
    tellHeld(this.#owner.group, delivery, dueMs)
    return true
  }

  /** Looks up what a command needs, then gives what carries it out, at once. */
  async prepare(command: Command, task: PartitionTask): Promise<() => Outcome | undefined> {
    const { kind } = command
    if (kind === 'cancel') return () => this.#cancel(command, task)
    const { origin } = command
    if (origin.topic !== task.topic) return () => undefined
    if (origin.topicId !== task.topicId) return () => 'not-found'
    await task.parking.redriven.sweep(this.#owner.host.clock.nowMs())
    const before = await task.parking.redriven.get(origin.death)
    if (before !== undefined) return () => before as Outcome
    return () => {
      const outcome = kind === 'redrive' ? 'redriven' : 'discarded'
      task.parking.redriven.put(origin.death, outcome, this.#owner.host.clock.nowMs() + deathRememberedMs)
      if (kind === 'redrive') this.#redrive(command, task)
      else this.#discard(origin.death, task)
      return outcome
    }
  }

  /** Takes a delayed task out, or sees to it that it is skipped when it comes. One that was begun goes on. */
  #cancel({ taskId, place }: Cancel, task: PartitionTask): Outcome | undefined {
    if (task.source.kind !== 'queue' || (place !== undefined && place.topic !== task.topic)) return undefined
    if (place !== undefined && place.topicId !== task.topicId) return 'not-found'
    const { parking, tracker } = task
    const record = parking.findDelayed(taskId)
    if (record !== undefined) {
      parking.remove(record)
      task.deduplication?.forget(taskId)
      return 'cancelled'
    }
    const waiting = this.#owner.takeDelayed(task, taskId)
    if (waiting !== undefined) {
      task.deduplication?.forget(taskId)
      tracker.finish(waiting.entry!)
      task.letGo(waiting)
      return 'cancelled'
    }
    if (place === undefined || place.offset < tracker.fetched || tracker.isFinishedAhead(place.offset))
      return 'not-found'
    parking.cancelAhead(place.offset)
    return 'cancelled'
  }

  /**
   * Puts a record that was dead at the head of its lane: before what waits there, behind what runs and what was redriven
   * before it. Its attempts begin anew.
   */
  #redrive(redrive: Redrive, task: PartitionTask): void {
    const { recordId: id, origin, fields } = redrive
    const sizeBytes = sizeOf(fields.key) + sizeOf(fields.value)
    const laneKey = fields.key === null ? null : textOf(fields.key)
    const dueMs = this.#owner.host.clock.nowMs()
    const head = { reason: 'held', laneKey, dueMs, attempt: 1, id, offset: origin.offset, sizeBytes } as const
    const grave = task.parking.findGrave(origin.death)
    if (grave !== undefined) task.parking.remove(grave)
    const wasHeld = task.parking.isHeld(laneKey)
    task.parking.add(head, fields, grave === undefined ? 'redriven' : 'first')
    if (laneKey !== null && !task.parkedLanes.has(laneKey)) {
      if (!task.lanes.has(laneKey)) {
        this.#own(task, laneKey)
        // One that was redriven before was told while a batch had the lane, which was then taken apart and left it.
        task.parking.remind(task.parking.firstOf(laneKey)!)
      } else if (!wasHeld) task.unparkedLanes.add(laneKey)
    }
    tellRedriven(redrive)
  }

  /** Where a lane waits for this death, it goes on. */
  #discard(death: string, task: PartitionTask): void {
    const grave = task.parking.findGrave(death)
    if (grave === undefined) return
    task.parking.remove(grave)
    const laneKey = grave.laneKey!
    const next = task.parking.firstOf(laneKey)
    if (next !== undefined) {
      task.parking.remind(next)
      return
    }
    task.parkedLanes.delete(laneKey)
    // There was no room in the store for these.
    const waiting = task.lanes.get(laneKey)?.shift() as Delivery | undefined
    if (waiting === undefined) task.lanes.delete(laneKey)
    else this.#owner.lanes.unpark(waiting)
  }

  /** The time of a parked record has come, perhaps some time ago: it may be cancelled since. */
  async wake(task: PartitionTask, record: ParkedRecord): Promise<void> {
    if (!task.active || !task.parking.has(record) || !this.#isTurnOf(task, record)) return
    // From now on the lane is its own, until it is released or held again: nobody else's turn comes.
    if (record.reason !== 'delayed' && record.laneKey !== null) task.parkedLanes.delete(record.laneKey)
    task.parking.awake.add(record.sequence)
    try {
      const body = await this.#bodyOf(task, record)
      if (body === undefined || !task.active) {
        task.parking.awake.delete(record.sequence)
        return
      }
      const delivery = task.restore(record, body)
      if (record.reason === 'delayed') this.offer(delivery)
      else this.#owner.lanes.unpark(delivery)
    } catch (error) {
      task.parking.awake.delete(record.sequence)
      // Refused by a store, it is read again by whoever has the partition next.
      if (task.active && findStorageError(error) === undefined) this.#owner.failed(toError(error))
    }
  }

  /**
   * Undefined where the task is not active any more. This process hung; another one took the partition, did the record and
   * took it out of the store; this one goes on, and the record's time comes before anybody told that the partition is lost.
   */
  async #bodyOf(task: PartitionTask, record: ParkedRecord): Promise<RecordBatch | undefined> {
    const body = await task.parking.body(record)
    if (body !== undefined) return body
    await this.#owner.confirm(task)
    invariant(!task.active, `the parked record ${record.sequence} (${record.id}) has no body`)
    return undefined
  }

  /** A record is done, or given back. True when a parked one of its lane goes on in its place. */
  release(delivery: Delivery, isDone: boolean): boolean {
    const { task, parked, laneKey } = delivery
    if (parked !== undefined) {
      task.parking.awake.delete(parked.sequence)
      if (isDone) task.parking.forget(parked)
    }
    if (laneKey !== null) task.unparkedLanes.delete(laneKey)
    if (laneKey === null || (parked !== undefined && !isDone)) return false
    const next = task.parking.firstOf(laneKey)
    if (next === undefined) return false
    this.#own(task, laneKey)
    this.#owner.lanes.park(delivery)
    if (next.reason !== 'dead') task.parking.remind(next)
    else {
      this.#divert(task, laneKey)
      this.#owner.store(task)
    }
    return true
  }

  /** To the dead letters, or away. */
  async bury(delivery: Delivery, error: Error): Promise<void> {
    const { host, group, whenSpent, partitions } = this.#owner
    const { task, offset, id } = delivery
    const where = { topic: task.topic, partition: task.partition, offset, id, error }
    if (whenSpent === 'skip') {
      await this.#owner.settle(delivery, [])
      host.logger.error(`'${group}' skips a record: ${error.message}`, where)
      return
    }
    await host.ensureInternal({ name: deadLetterTopic(group), partitions })
    const death = host.newId()
    const nowMs = host.clock.nowMs()
    if (whenSpent === 'dead-letter-in-order') this.#dig(delivery, { death, error, nowMs })
    await this.#owner.settle(delivery, [encodeDeadLetter(delivery, { group, error, nowMs, death })])
    // Only now: what comes for its key meanwhile waits in its lane as before.
    if (delivery.grave !== undefined) task.parking.enter(delivery.grave)
    host.logger.error(`'${group}': a record is dead: ${error.message}`, { ...where, deadLetterId: death })
    tellDead(group, delivery, { error, death })
  }

  /** What keeps the place of a dead record in its lane, for the commit that finishes it. */
  #dig(
    delivery: Delivery,
    { death, error, nowMs }: { readonly death: string; readonly error: Error; readonly nowMs: number },
  ): void {
    const { task, laneKey, id, offset, attempt } = delivery
    if (laneKey === null) return
    const failure = delivery.failure ?? { error: error.message, firstFailedAtMs: nowMs, lastFailedAtMs: nowMs }
    delivery.grave = task.parking.prepareGrave({ laneKey, id, offset, attempt, failure, death })
  }

  /** The lane is for the first of the parked records to take. */
  #own(task: PartitionTask, laneKey: string): void {
    task.parkedLanes.add(laneKey)
    if (!task.lanes.has(laneKey)) task.lanes.set(laneKey, [])
  }

  /** A held one waits for those before it in its lane, and for whoever has the lane. */
  #isTurnOf(task: PartitionTask, record: ParkedRecord): boolean {
    if (record.reason === 'delayed' || record.laneKey === null) return true
    return task.parkedLanes.has(record.laneKey) && task.parking.firstOf(record.laneKey)?.sequence === record.sequence
  }

  /** Those that wait in the lane of a held key follow it into the store, as far as there is room. */
  #divert(task: PartitionTask, laneKey: string): void {
    const waiting = task.lanes.get(laneKey) as Delivery[] | undefined
    while (waiting !== undefined && waiting.length > 0 && this.#follow(waiting[0]!)) waiting.shift()
  }

  #follow(delivery: Delivery): boolean {
    const { task, laneKey, parked } = delivery
    if (laneKey === null || !task.parking.isHeld(laneKey) || task.unparkedLanes.has(laneKey)) return false
    if (parked === undefined) return this.#park(delivery, { reason: 'following', dueMs: 0 })
    // Behind those that came before its time did.
    task.parking.move(parked, { reason: 'following', dueMs: 0, place: 'last', fields: recordOf(delivery) })
    task.parking.awake.delete(parked.sequence)
    return true
  }

  #park(
    delivery: Delivery,
    { reason, dueMs }: { readonly reason: ParkedRecord['reason']; readonly dueMs: number },
  ): boolean {
    const { task, laneKey, sizeBytes, attempt, id, offset, failure } = delivery
    const full = task.parking.full(reason === 'delayed' ? null : laneKey, sizeBytes)
    if (full !== undefined) {
      this.#owner.host.logger.warn(`'${this.#owner.group}': ${full}; ${task.topic}/${task.partition} waits`)
      return false
    }
    const note: { readonly failure?: FailureNote } = failure === undefined ? {} : { failure }
    const head = { reason, laneKey, dueMs, attempt, id, offset, sizeBytes, ...note }
    // One that is held has run: it stays before what was redriven meanwhile, and what follows that.
    task.parking.add(head, recordOf(delivery), reason === 'held' && task.parking.isHeld(laneKey) ? 'first' : 'last')
    for (const [key, value] of task.mark(delivery)) task.parking.buffer.put(key, value)
    task.deduplication?.marked(delivery)
    task.tracker.finish(delivery.entry!)
    task.letGo(delivery)
    return true
  }
}

function sizeOf(bytes: Bytes): number {
  return bytes === null ? 0 : Buffer.byteLength(bytes)
}
function textOf(bytes: string | Uint8Array): string {
  return typeof bytes === 'string' ? bytes : Buffer.from(bytes).toString()
}
