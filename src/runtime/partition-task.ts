import { invariant, messageOf } from '../core/errors.ts'
import type { Fetched, Lease } from '../log/log.ts'
import type { RecordBatch, RecordCursor } from '../log/records/record-batch.ts'
import { UnreadableRecordError } from '../topics/errors.ts'
import type { AnyDefinition } from '../topics/types.ts'
import type { Checkpoint, StoreChange } from './commit/commit-home.ts'
import { OffsetTracker } from './commit/offset-tracker.ts'
import { encodeFinished, type Progress } from './commit/progress.ts'
import type { Route } from './consumer-specification.ts'
import type { Delivery, HeldBatch } from './delivery.ts'
import { dueHeader, idHeader, readDue, traceHeader } from './headers.ts'
import type { LaneEntry, Limit } from './lanes.ts'
import type { Answers } from './parking/answers.ts'
import type { Deduplication } from './parking/deduplication.ts'
import type { ParkedRecord } from './parking/parked-record.ts'
import type { Parking } from './parking/parking.ts'

/** Taken and not finished at most, so that what is finished among them fits into an offset's metadata (4,096 bytes). */
const mostUnfinished = 1_000
/** So few fit, however long their runs are. */
const fewUnfinished = 200
/** The room of those runs is looked at again after so many records. */
const admissionStride = 64
const mostMetadataLength = 2_900

/** Of a parked record that nobody handles any more: it is done without a handler. */
const unwanted: Route = { handle: () => undefined, retry: { attempts: 1, delayMs: 0, maxDelayMs: 0 }, timeoutMs: 1_000 }

/** What a task needs of its consumer. */
export interface TaskOwner {
  /** False while the component has all that it may hold in memory; of records, a task that has none may take some. */
  mayAdmit(task: PartitionTask): boolean
  route(source: AnyDefinition, name: string | undefined): Route | undefined
  tombstoneRoute(source: AnyDefinition): Route | undefined
  limitOf(route: Route): Limit | undefined
  offer(delivery: Delivery): void
  /** Keeps a task that is not due, and offers it then; false when it is due. */
  delay(delivery: Delivery, dueMs: number): boolean
  /** The time of a parked record has come. */
  due(task: PartitionTask, record: ParkedRecord): void
  /** The task's position moved without a handler. */
  touched(task: PartitionTask): void
  /** The backlog is empty, or it is not: fetch on or wait. */
  backlogChanged(task: PartitionTask): void
  unreadable(error: unknown): void
}
/** Where a task begins. */
export interface PartitionTaskOptions {
  readonly lease: Lease
  readonly source: AnyDefinition
  readonly topicId: string
  /** Of a database as commit home. */
  readonly checkpoint: Checkpoint | undefined
  readonly progress: Progress
  readonly parking: Parking
  readonly answers: Answers
  readonly deduplication?: Deduplication | undefined
  readonly owner: TaskOwner
}

/**
 * One partition while this member owns it: what was fetched, what was taken from that, what is finished.
 *
 *     active → closing → closed    revoked: what runs is finished and committed first
 *     active → closed              lost: it belongs to somebody else already
 *     active → stuck → closing …   a record cannot be read: nothing behind it is taken
 *
 * Records go from the backlog to the lanes as long as few enough are unfinished. Those that an earlier owner finished
 * ahead of the committed position are skipped.
 */
export class PartitionTask {
  readonly lease: Lease
  readonly source: AnyDefinition
  readonly topicId: string
  readonly checkpoint: Checkpoint | undefined
  readonly tracker: OffsetTracker
  readonly parking: Parking
  /** To commands for it. */
  readonly answers: Answers
  /** Of a queue that has it. */
  readonly deduplication: Deduplication | undefined
  /** Busy keys. */
  readonly lanes: Map<string, LaneEntry[]> = new Map()
  /** Keys whose lanes wait for the first of their parked records: nobody has them now. */
  readonly parkedLanes: Set<string> = new Set()
  /**
   * Keys whose lane somebody has who is not parked, while redriven records wait for him. What comes behind him may not be
   * parked before he is: he is unfinished, and a restart would take him again behind all that is parked.
   */
  readonly unparkedLanes: Set<string> = new Set()
  /** Attempts that run; the task's consumer counts. */
  running = 0
  /** Bytes of the batches that hold records which were taken and are not finished. */
  heldBytes = 0
  readonly #owner: TaskOwner
  #state: 'active' | 'closing' | 'closed' = 'active'
  #backlog: Fetched[] = []
  #batchAt = 0
  #cursor: RecordCursor | undefined
  #heldBatch: HeldBatch = { records: 0, bytes: 0 }
  #admitting = false
  /** Of ids, under way: nothing is taken before they are known. */
  #lookups = 0
  /** At a record that cannot be read. What runs may still end; to take the next one would move the position past it. */
  #stuck = false

  constructor(options: PartitionTaskOptions) {
    this.lease = options.lease
    this.source = options.source
    this.topicId = options.topicId
    this.checkpoint = options.checkpoint
    this.tracker = new OffsetTracker(options.progress.position, options.progress.finished)
    this.#owner = options.owner
    this.parking = options.parking
    this.answers = options.answers
    this.deduplication = options.deduplication
  }

  get topic(): string {
    return this.lease.topic
  }
  get partition(): number {
    return this.lease.partition
  }
  get active(): boolean {
    return this.#state === 'active'
  }
  get closed(): boolean {
    return this.#state === 'closed'
  }
  get hasBacklog(): boolean {
    return this.#backlog.length > 0
  }

  accept(fetched: Fetched): void {
    if (!this.active) return
    const looking = this.deduplication?.prepare(fetched, !this.hasBacklog)
    this.#backlog.push(fetched)
    if (looking === undefined) this.admit()
    else void this.#admitAfter(looking)
    if (this.hasBacklog) this.#owner.backlogChanged(this)
  }

  async #admitAfter(looking: Promise<void>): Promise<void> {
    this.#lookups++
    try {
      await looking
    } catch (error) {
      if (this.active) this.#owner.unreadable(error)
      return
    }
    this.#lookups--
    this.admit()
  }

  /** The changes of the store with which a record is done: it is out, its id marked, its grave made. */
  changesOf(delivery: Delivery): readonly StoreChange[] {
    const { parked, grave } = delivery
    const changes = parked === undefined ? this.mark(delivery) : this.parking.removal(parked)
    return grave === undefined ? changes : [...changes, this.parking.headOf(grave)]
  }
  /** The changes of the store that mark the id of a task which is finished or parked, where it is the first of its id. */
  mark(delivery: Delivery): readonly StoreChange[] {
    return delivery.isClaimed && delivery.parked === undefined ? this.deduplication!.mark(delivery) : []
  }

  /** Takes from the backlog what may be taken now. A handler that ends at once calls it again: then it does nothing. */
  admit(): void {
    if (this.#admitting || this.#stuck || this.#lookups > 0 || !this.hasBacklog) return
    this.#admitting = true
    try {
      while (this.active && this.#mayTake()) {
        if (!this.#admitSome()) break
      }
    } catch (error) {
      this.#stuck = true
      this.#owner.unreadable(error)
    } finally {
      this.#admitting = false
    }
    if (this.active && !this.hasBacklog) this.#owner.backlogChanged(this)
  }

  /** Takes nothing more; with `lost`, what runs is not waited for. */
  close(how: 'revoked' | 'lost'): void {
    this.#state = how === 'lost' || this.#state === 'closed' ? 'closed' : 'closing'
    this.#backlog = []
    this.#cursor = undefined
    this.parking.close()
  }

  /** What was parked when it was taken over goes on: held keys keep their lanes busy. */
  open(): void {
    for (const key of this.parking.heldKeys) {
      this.lanes.set(key, [])
      this.parkedLanes.add(key)
    }
    this.parking.open()
  }

  /** A parked record as a delivery; its body was read from the store. */
  restore(record: ParkedRecord, batch: RecordBatch): Delivery {
    const cursor = batch.records()
    invariant(cursor.next(), `the parked record ${record.sequence} is empty`)
    const delivery = this.#read(cursor, unwanted)!
    delivery.parked = record
    delivery.attempt = record.attempt
    delivery.failure = record.failure
    return delivery
  }

  /** Why it takes nothing of what was fetched, or can put no more aside; empty while all goes on. */
  get waitsFor(): readonly string[] {
    const blockedBy = this.#blockedBy
    return blockedBy === undefined ? [...this.parking.refusals] : [blockedBy, ...this.parking.refusals]
  }
  get #blockedBy(): string | undefined {
    if (this.#stuck) return 'a record cannot be read'
    if (!this.active || !this.hasBacklog || this.#mayTake()) return undefined
    const { unfinished } = this.tracker
    return `${unfinished} records were taken and are not finished: ${
      unfinished >= mostUnfinished ? 'no more are taken' : 'their memory, or the note of what is finished, is full'
    }`
  }

  #mayTake(): boolean {
    const { unfinished } = this.tracker
    if (unfinished >= mostUnfinished || !this.#owner.mayAdmit(this)) return false
    return unfinished < fewUnfinished || encodeFinished(this.tracker.progress()).length < mostMetadataLength
  }

  /** A stride of records; false when the backlog is used up. */
  #admitSome(): boolean {
    for (let taken = 0; taken < admissionStride; ) {
      const cursor = this.#cursor ?? this.#nextCursor()
      if (cursor === undefined) return false
      this.#cursor = cursor
      if (!cursor.next()) {
        this.#endBatch()
        continue
      }
      if (this.#take(cursor)) taken++
      if (!this.active) return false
    }
    return true
  }

  /** A record is done, or given back: with the last of its batch the batch is free. */
  letGo({ held }: Delivery): void {
    if (--held.records === 0) this.heldBytes -= held.bytes
  }

  #nextCursor(): RecordCursor | undefined {
    for (let fetched = this.#backlog[0]; fetched !== undefined; fetched = this.#backlog[0]) {
      const batch = fetched.batches[this.#batchAt]
      if (batch !== undefined && !batch.isControl) {
        this.#heldBatch = { records: 0, bytes: batch.sizeInBytes }
        return batch.records()
      }
      if (batch !== undefined) this.#batchAt++
      else this.#endFetched(fetched)
    }
    return undefined
  }
  #endBatch(): void {
    this.#cursor = undefined
    this.tracker.passTo(this.#backlog[0]!.batches[this.#batchAt]!.nextOffset)
    this.#batchAt++
  }
  #endFetched(fetched: Fetched): void {
    this.#backlog.shift()
    this.#batchAt = 0
    this.tracker.passTo(fetched.position)
    this.#owner.touched(this)
  }

  /** True when the record went to a lane. */
  #take(cursor: RecordCursor): boolean {
    const { offset } = cursor
    if (offset < this.tracker.fetched) return false
    if (this.tracker.wasFinished(offset)) return this.#skip(offset)
    const read = this.#read(cursor)
    if (read === undefined || this.parking.takeCancelled(offset)) return this.#skip(offset)
    const claim = this.deduplication?.claim(cursor, read)
    if (claim === 'duplicate') return this.#skip(offset)
    read.isClaimed = claim === 'claimed'
    const { held } = read
    if (held.records++ === 0) this.heldBytes += held.bytes
    read.entry = this.tracker.start(offset)
    const dueMs = this.source.kind === 'queue' ? readDue(cursor.headerText(dueHeader)) : 0
    if (dueMs > 0 && this.#owner.delay(read, dueMs)) return false
    this.#owner.offer(read)
    return true
  }

  /** The record under the cursor, outside of tracker and lanes; undefined for one that nobody wants. */
  #read(cursor: RecordCursor, otherwise?: Route): Delivery | undefined {
    const { source } = this
    const definition = source['~definition']
    const isTombstone = cursor.valueLength < 0
    // Neither key nor value: there is nothing that is gone.
    if (isTombstone && cursor.keyLength < 0) return undefined
    let event: unknown
    let route: Route | undefined
    try {
      event = isTombstone ? cursor.keyText() : definition.decode(cursor, this.partition)
      route = isTombstone ? this.#owner.tombstoneRoute(source) : this.#owner.route(source, definition.nameOf(event))
    } catch (cause) {
      // Known now and said in its turn: in its lane it fails for good.
      route = refusing(this.#unreadable(cursor.offset, cause))
    }
    route ??= otherwise
    if (route === undefined) return undefined
    const { offset } = cursor
    const key = cursor.keyText()
    return {
      task: this,
      source,
      offset,
      entry: undefined,
      parked: undefined,
      cursor,
      bookmark: cursor.bookmark,
      timestampMs: cursor.timestampMs,
      key,
      event,
      sizeBytes: Math.max(cursor.valueLength, 0) + Math.max(cursor.keyLength, 0),
      held: this.#heldBatch,
      id: cursor.headerText(idHeader) || `${this.topicId}/${this.partition}/${offset}`,
      traceparent: cursor.headerText(traceHeader) ?? undefined,
      route,
      limit: this.#owner.limitOf(route),
      lanes: this.lanes,
      laneKey: key,
      attempt: 1,
      dueMs: undefined,
      failure: undefined,
      isClaimed: false,
    }
  }
  #unreadable(offset: number, cause: unknown): Error {
    if (cause instanceof UnreadableRecordError) return cause
    const place = { topic: this.topic, partition: this.partition, offset }
    return new UnreadableRecordError(place, [{ path: '', message: messageOf(cause) }], { cause })
  }
  #skip(offset: number): false {
    this.tracker.skip(offset)
    return false
  }
}

/** For people: `order-events/3`. */
export function describeTask({ topic, partition }: { readonly topic: string; readonly partition: number }): string {
  return `${topic}/${partition}`
}

/** The route of a record that cannot be handled: it fails with this error, for good. */
function refusing(error: Error): Route {
  const handle = (): never => {
    throw error
  }
  return { ...unwanted, handle }
}
