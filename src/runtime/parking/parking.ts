import type { Cancel, Clock } from '../../core/clock.ts'
import { DueQueue } from '../../core/due-queue.ts'
import type { RecordFields } from '../../log/records/batch-writer.ts'
import type { RecordBatch } from '../../log/records/record-batch.ts'
import { Marks } from './marks.ts'
import {
  bodyKey,
  decodeBody,
  decodeHead,
  encodeBody,
  encodeHead,
  headKey,
  headKeys,
  type ParkedRecord,
  parkedStore,
} from './parked-record.ts'
import { type ReadStore, StoreBuffer } from './store-buffer.ts'

/** Bounds of what one partition parks. */
export const parkingLimits = { bytes: 64 << 20, records: 100_000, recordsOfKey: 10_000 }
/**
 * Where a record is put in its lane: behind all, before all, or behind those that were redriven before it and before the
 * rest. Each place has sequences of its own, so that a restart finds the same order.
 */
export type Place = 'last' | 'redriven' | 'first'
const firstRedriven = -(2 ** 51)
const commandPositionKey = Buffer.from('p')
const cancelledKeys = { from: Buffer.from('c'), to: Buffer.from('d') }
/** Cancelled and not yet come to: as many as are read when a partition is taken over. */
const mostCancelled = 100_000
/** Heads that are read at once when a partition is taken over. */
const loadedAtOnce = 1_000

/** There is no room: in this lane, or in the partition. */
interface Refusal {
  readonly laneKey: string | null
  readonly reason: string
}
/** What a partition's parking needs. */
export interface ParkingOptions {
  readonly clock: Clock
  readonly read: ReadStore
  /** A record's time has come. Called once for each time. */
  readonly due: (record: ParkedRecord) => void
}

/**
 * The records of one partition that wait in its store: delayed ones, held ones, and those behind a held one in its lane.
 * Heads are in memory, bodies in the store; every change waits in the buffer for the commit that it belongs to.
 */
export class Parking {
  readonly buffer: StoreBuffer
  /** What became of deaths, by their ids. */
  readonly redriven: Marks
  /** Sequences of records that are being read, or in the lanes: work that could go on at once. */
  readonly awake: Set<number> = new Set()
  /** Offsets that are ahead and were cancelled: they are skipped when they come. */
  readonly #cancelled = new Set<number>()
  readonly #clock: Clock
  readonly #read: ReadStore
  readonly #due: (record: ParkedRecord) => void
  readonly #records = new Map<number, ParkedRecord>()
  /** Graves by their deaths. */
  readonly #graves = new Map<string, ParkedRecord>()
  /** Held records with their followers, in the order of their lane. */
  readonly #lanes = new Map<string, ParkedRecord[]>()
  readonly #queue = new DueQueue<ParkedRecord>()
  readonly #next: Record<Place, number> = { last: 0, redriven: firstRedriven, first: firstRedriven - 1 }
  #bytes = 0
  /** By the lane that is full, null where the partition is. */
  readonly #refusals = new Map<string | null, string>()
  #commandPosition = 0
  #closed = false
  #timer: { readonly atMs: number; readonly cancel: Cancel } | undefined

  constructor({ clock, read, due }: ParkingOptions) {
    this.#clock = clock
    this.#read = read
    this.#due = due
    this.buffer = new StoreBuffer(parkedStore, read)
    this.redriven = new Marks(this.buffer, 'r')
  }

  /** How far the commands for this partition were carried out. */
  get commandPosition(): number {
    return this.#commandPosition
  }
  set commandPosition(position: number) {
    this.#commandPosition = position
    this.buffer.put(commandPositionKey, Buffer.from(String(position)))
  }

  /** Reads what an earlier owner parked. Nothing is due before `open`. */
  async load(): Promise<void> {
    for (const [key] of await this.buffer.read({ ...cancelledKeys, limit: mostCancelled })) {
      this.#cancelled.add(Number(Buffer.from(key).readBigUInt64BE(1)))
    }
    this.#commandPosition = Number(Buffer.from((await this.buffer.get(commandPositionKey)) ?? []).toString())
    let from: Uint8Array = headKeys.from
    for (;;) {
      const heads = await this.#read({ store: this.buffer.name, from, to: headKeys.to, limit: loadedAtOnce })
      for (const [key, value] of heads) this.enter(decodeHead(key, value))
      if (heads.length < loadedAtOnce) return
      from = Buffer.concat([heads.at(-1)![0], Buffer.from([0])])
    }
  }
  /** A delayed task of this id that waits for its time. */
  findDelayed(id: string): ParkedRecord | undefined {
    for (const record of this.#records.values()) {
      if (record.id === id && record.reason === 'delayed' && !this.awake.has(record.sequence)) return record
    }
    return undefined
  }
  /** A record that is yet to come is to be skipped. */
  cancelAhead(offset: number): void {
    this.#cancelled.add(offset)
    this.buffer.put(cancelledKey(offset), Buffer.alloc(0))
  }
  /** Whether this one is to be skipped. Asked once. */
  takeCancelled(offset: number): boolean {
    if (this.#cancelled.size === 0 || !this.#cancelled.delete(offset)) return false
    this.buffer.put(cancelledKey(offset), null)
    return true
  }

  /** From now on what is due is told. */
  open(): void {
    for (const record of this.#records.values()) {
      if (record.reason === 'delayed' || record.reason === 'held') this.#queue.push(record)
    }
    // The first may be a follower: the one before it was done, and it was running when the earlier owner ended.
    for (const [first] of this.#lanes.values()) if (first!.reason === 'following') this.#queue.push(first!)
    this.#schedule()
  }
  close(): void {
    this.#closed = true
    this.#timer?.cancel()
    this.#timer = undefined
  }

  /** When a held record is tried again, the first of them; undefined where none is held. */
  get nextAttemptMs(): number | undefined {
    let first: number | undefined
    for (const { reason, dueMs } of this.#records.values()) {
      if (reason === 'held') first = Math.min(first ?? dueMs, dueMs)
    }
    return first
  }
  /** Some record's time has come, and it was not told yet. */
  get hasDue(): boolean {
    return (this.#queue.first?.dueMs ?? Number.POSITIVE_INFINITY) <= this.#clock.nowMs()
  }
  get size(): number {
    return this.#records.size
  }
  get records(): Iterable<ParkedRecord> {
    return this.#records.values()
  }
  /** Keys and values of all that is parked. */
  get sizeBytes(): number {
    return this.#bytes
  }
  /** Why something could not be parked, while there is still no room for it. */
  get refusals(): Iterable<string> {
    return this.#refusals.values()
  }
  get heldKeys(): Iterable<string> {
    return this.#lanes.keys()
  }

  isHeld(laneKey: string | null): boolean {
    return laneKey !== null && this.#lanes.has(laneKey)
  }
  /** Whether it is parked still, as it was then. */
  has(record: ParkedRecord): boolean {
    return this.#records.get(record.sequence) === record
  }
  /** Who is first in a held lane. */
  firstOf(laneKey: string): ParkedRecord | undefined {
    return this.#lanes.get(laneKey)?.[0]
  }
  /** Records of a held lane. */
  countOf(laneKey: string): number {
    return this.#lanes.get(laneKey)?.length ?? 0
  }
  /** Why this one cannot be parked; undefined when it can. Remembered until something else goes out. */
  full(laneKey: string | null, sizeBytes: number): string | undefined {
    const refusal = this.#findRefusal(laneKey, sizeBytes)
    if (refusal !== undefined) this.#refusals.set(refusal.laneKey, refusal.reason)
    return refusal?.reason
  }
  #findRefusal(laneKey: string | null, sizeBytes: number): Refusal | undefined {
    if (this.#bytes + sizeBytes > parkingLimits.bytes)
      return { laneKey: null, reason: `${this.#bytes} bytes are held, of ${parkingLimits.bytes} at most` }
    if (this.#records.size >= parkingLimits.records)
      return { laneKey: null, reason: `${this.#records.size} records are held, the most that a partition may have` }
    const lane = laneKey === null ? undefined : this.#lanes.get(laneKey)
    if (lane !== undefined && lane.length >= parkingLimits.recordsOfKey) {
      return { laneKey, reason: `${lane.length} records of key '${laneKey}' are held, the most that a key may have` }
    }
    return undefined
  }

  /** A grave at the head of a lane, in the store with the commit that writes `headOf` it, here with `enter`. */
  prepareGrave(grave: Omit<ParkedRecord, 'sequence' | 'reason' | 'dueMs' | 'sizeBytes'>): ParkedRecord {
    return { ...grave, sequence: this.#next.first--, reason: 'dead', dueMs: 0, sizeBytes: 0 }
  }
  headOf(record: ParkedRecord): readonly [key: Uint8Array, value: Uint8Array] {
    return [headKey(record.sequence), encodeHead(record)]
  }
  /** The grave of a death. */
  findGrave(death: string): ParkedRecord | undefined {
    return this.#graves.get(death)
  }
  /** Takes a record out, with the next commit. */
  remove(record: ParkedRecord): void {
    this.forget(record)
    for (const [key, value] of this.removal(record)) this.buffer.put(key, value)
  }

  /** Parks a record that is new here. */
  add(record: Omit<ParkedRecord, 'sequence'>, fields: RecordFields, place: Place): ParkedRecord {
    const parked: ParkedRecord = { ...record, sequence: this.#next[place] }
    this.enter(parked)
    this.buffer.put(headKey(parked.sequence), encodeHead(parked))
    this.buffer.put(bodyKey(parked.sequence), encodeBody(fields, record.offset))
    if (parked.reason !== 'following') this.#await(parked)
    return parked
  }

  /** As `change`, for one that gets another place. `fields` are the record itself, for its body moves too. */
  move(
    record: ParkedRecord,
    {
      place,
      fields,
      ...changes
    }: Partial<Omit<ParkedRecord, 'sequence' | 'laneKey'>> & { readonly place: Place; readonly fields: RecordFields },
  ): ParkedRecord {
    this.remove(record)
    return this.add({ ...record, ...changes }, fields, place)
  }

  /** Its reason, time, attempt or failure changed; it keeps its place. */
  change(record: ParkedRecord, changes: Partial<Omit<ParkedRecord, 'sequence' | 'laneKey'>>): ParkedRecord {
    const changed: ParkedRecord = { ...record, ...changes }
    this.#records.set(changed.sequence, changed)
    if (record.reason === 'delayed') this.#enterLane(changed)
    else this.#replaceInLane(record, changed)
    this.buffer.put(headKey(changed.sequence), encodeHead(changed))
    if (changed.reason !== 'following') this.#await(changed)
    return changed
  }

  /** The changes of the store that take a record out of it. */
  removal({ sequence }: ParkedRecord): readonly (readonly [key: Uint8Array, value: null])[] {
    return [
      [headKey(sequence), null],
      [bodyKey(sequence), null],
    ]
  }
  /** It is done, or out. */
  forget({ sequence, laneKey, sizeBytes, death }: ParkedRecord): void {
    if (!this.#records.delete(sequence)) return
    if (death !== undefined) this.#graves.delete(death)
    this.#bytes -= sizeBytes
    this.#refusals.delete(null)
    this.#refusals.delete(laneKey)
    const lane = laneKey === null ? undefined : this.#lanes.get(laneKey)
    const at = lane?.findIndex((record) => record.sequence === sequence) ?? -1
    if (lane === undefined || laneKey === null || at < 0) return
    lane.splice(at, 1)
    if (lane.length === 0) this.#lanes.delete(laneKey)
  }

  /** Its time may have been told when it was not its turn, which it is now: it is told again. */
  remind(record: ParkedRecord): void {
    if (record.reason !== 'dead') this.#await(record)
  }

  /** Undefined where the store has none: somebody else, who has the partition now, took the record out. */
  async body(record: ParkedRecord): Promise<RecordBatch | undefined> {
    const bytes = await this.buffer.get(bodyKey(record.sequence))
    return bytes === undefined ? undefined : decodeBody(bytes)
  }

  /** It is in the store, or will be with what is in the buffer. */
  enter(record: ParkedRecord): void {
    this.#records.set(record.sequence, record)
    if (record.death !== undefined) this.#graves.set(record.death, record)
    this.#bytes += record.sizeBytes
    const { sequence } = record
    const next = this.#next
    if (sequence >= 0) next.last = Math.max(next.last, sequence + 1)
    else if (sequence >= firstRedriven) next.redriven = Math.max(next.redriven, sequence + 1)
    else next.first = Math.min(next.first, sequence - 1)
    if (record.reason !== 'delayed') this.#enterLane(record)
  }
  #enterLane(record: ParkedRecord): void {
    if (record.laneKey === null) return
    const lane = this.#lanes.get(record.laneKey)
    if (lane === undefined) {
      this.#lanes.set(record.laneKey, [record])
      return
    }
    const behind = lane.findLastIndex(({ sequence }) => sequence < record.sequence)
    lane.splice(behind + 1, 0, record)
  }
  #replaceInLane(record: ParkedRecord, changed: ParkedRecord): void {
    const lane = record.laneKey === null ? undefined : this.#lanes.get(record.laneKey)
    const at = lane?.findIndex(({ sequence }) => sequence === record.sequence) ?? -1
    if (lane !== undefined && at >= 0) lane[at] = changed
  }

  #await(record: ParkedRecord): void {
    this.#queue.push(record)
    this.#schedule()
  }
  #schedule(): void {
    const first = this.#queue.first
    if (this.#closed || first === undefined || (this.#timer !== undefined && this.#timer.atMs <= first.dueMs)) return
    this.#timer?.cancel()
    const waitMs = first.dueMs - this.#clock.nowMs()
    if (waitMs > 0) this.#timer = { atMs: first.dueMs, cancel: this.#clock.scheduleAt(first.dueMs, this.#fire) }
    else {
      // Due already, on any clock.
      this.#timer = { atMs: first.dueMs, cancel: () => {} }
      queueMicrotask(this.#fire)
    }
  }
  readonly #fire = (): void => {
    if (this.#closed) return
    this.#timer = undefined
    const nowMs = this.#clock.nowMs()
    for (let first = this.#queue.first; first !== undefined && first.dueMs <= nowMs; first = this.#queue.first) {
      this.#queue.pop()
      // An entry whose record changed or went since is not its record any more.
      if (this.#records.get(first.sequence) === first) this.#due(first)
    }
    this.#schedule()
  }
}

function cancelledKey(offset: number): Buffer {
  const key = Buffer.alloc(9, 'c')
  key.writeBigUInt64BE(BigInt(offset), 1)
  return key
}
