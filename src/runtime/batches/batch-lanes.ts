import type { Cancel, Clock } from '../../core/clock.ts'
import type { Delivery } from '../delivery.ts'
import { alwaysOpen, type Gate, type Scheduler } from '../lanes.ts'
import type { PartitionTask } from '../partition-task.ts'
import { type BatchDelivery, type BatchPolicy, formBatch, isBatch } from './batch.ts'

/** What batch lanes need. */
export interface BatchLanesOptions {
  /** Batches at once, over all partitions. */
  readonly concurrency: number
  readonly policy: BatchPolicy
  readonly clock: Clock
  /** Starts a batch, or a record that goes alone. */
  readonly run: (delivery: Delivery) => void
  /** A record comes to a lane that waits: it follows into the store, or is offered. */
  readonly follow: (delivery: Delivery) => void
  readonly gate?: Gate | undefined
}

/** The records of one partition on their way into batches. */
class Gathering {
  readonly task: PartitionTask
  /** Those that came, in order of offset. */
  arrived: Delivery[] = []
  /** When each of them came, on the clock's `elapsedMs`; 0 for one that is back. */
  times: number[] = []
  /** These go first and alone: a batch that is tried again; single ones: tried again, held, redriven. */
  first: Delivery[] = []
  /** These go alone when it is their turn: what is left of a batch whose attempts are spent. */
  readonly single = new Set<Delivery>()
  running: Delivery | undefined
  /** A batch between two attempts: the partition waits with it. */
  waiting: Delivery | undefined
  timer: Cancel | undefined

  constructor(task: PartitionTask) {
    this.task = task
  }
  get isFree(): boolean {
    return this.running === undefined && this.waiting === undefined
  }
}

/**
 * Decides which batches run: of each partition one at a time, of different ones at once, up to `concurrency`.
 *
 * A record *arrives*, and is *taken* into a batch when its partition is free: with what is there, up to `size`, or when
 * the first of them has waited for `waitMs`. The lanes of a batch's keys are busy from its start; the lane of a record
 * that fails stays so. Whatever arrives for such a lane waits in it, and arrives anew when it is free.
 *
 *     gather → arrived → running → done
 *                 ↑          └─ waiting (with its lane) ── first ── running alone …
 *                 └── behind a waiting one of its key
 */
export class BatchLanes implements Scheduler<Delivery> {
  readonly #options: BatchLanesOptions
  readonly #gate: Gate
  readonly #gatherings = new Map<PartitionTask, Gathering>()
  /** To be looked at. */
  #ready = new Set<Gathering>()
  #running = 0
  #isPumping = false
  #looksLater = false
  #state: 'open' | 'held' | 'closed' = 'open'

  constructor(options: BatchLanesOptions) {
    this.#options = options
    this.#gate = options.gate ?? alwaysOpen
  }

  get running(): number {
    return this.#running
  }

  /** A record arrives. */
  gather(delivery: Delivery): void {
    const gathering = this.#of(delivery.task)
    gathering.arrived.push(delivery)
    if (this.#options.policy.waitMs > 0) gathering.times.push(this.#options.clock.elapsedMs())
    this.#ready.add(gathering)
    if (this.#looksLater) return
    this.#looksLater = true
    // When all that comes in this turn is there: one batch, and not one of the first record alone.
    queueMicrotask(this.#lookNow)
  }
  /** Until when a partition gathers, on the clock's `nowMs`; undefined when it does not wait for more. */
  gathersUntilMs(task: PartitionTask): number | undefined {
    const gathering = this.#gatherings.get(task)
    if (gathering?.timer === undefined || !gathering.isFree) return undefined
    const { clock } = this.#options
    return clock.nowMs() + Math.max(0, this.#dueMs(gathering) - clock.elapsedMs())
  }

  /** Into a lane that waits. */
  offer(delivery: Delivery): void {
    const lane = delivery.laneKey === null ? undefined : delivery.lanes.get(delivery.laneKey)
    if (lane === undefined) this.gather(delivery)
    else lane.push(delivery)
  }
  done(delivery: Delivery): void {
    this.#free(delivery)
    const { laneKey, lanes, task } = delivery
    const lane = laneKey === null ? undefined : lanes.get(laneKey)
    if (lane !== undefined) {
      lanes.delete(laneKey!)
      this.#arriveAnew(task, lane as Delivery[])
    }
    this.#pump()
  }
  park(delivery: Delivery): void {
    if (isBatch(delivery)) this.#of(delivery.task).waiting = delivery
    this.#free(delivery)
    this.#pump()
  }
  unpark(delivery: Delivery): void {
    const gathering = this.#of(delivery.task)
    if (gathering.waiting === delivery) gathering.waiting = undefined
    gathering.first.push(delivery)
    this.#ready.add(gathering)
    this.#pump()
  }
  unparkFirst(delivery: Delivery): void {
    const gathering = this.#of(delivery.task)
    if (gathering.waiting === delivery) gathering.waiting = undefined
    gathering.first.unshift(delivery)
    this.#ready = new Set([gathering, ...this.#ready])
    this.#pump()
  }

  /** A batch is over; its members are dealt with. */
  end(batch: BatchDelivery): void {
    this.#free(batch)
    this.#pump()
  }
  /** What is left of a batch that runs goes first. */
  goOn(rest: BatchDelivery): void {
    this.#of(rest.task).first.unshift(rest)
  }
  /** What was in a batch that ran is handled again, each record alone, in its turn. */
  split(task: PartitionTask, deliveries: readonly Delivery[]): void {
    const { single } = this.#of(task)
    const behind: Delivery[] = []
    for (const delivery of deliveries) {
      single.add(delivery)
      const { laneKey, lanes } = delivery
      const lane = laneKey === null ? undefined : lanes.get(laneKey)
      if (lane === undefined) continue
      lanes.delete(laneKey!)
      behind.push(...(lane as Delivery[]))
    }
    this.#arriveAnew(task, [...deliveries, ...behind])
  }

  look(): void {
    this.#pump()
  }
  hold(): void {
    if (this.#state === 'open') this.#state = 'held'
  }
  resume(): void {
    if (this.#state === 'held') this.#state = 'open'
    this.#pump()
  }
  close(): void {
    this.#state = 'closed'
    for (const gathering of this.#gatherings.values()) stopTimer(gathering)
  }
  /** Somebody else has the partition. What runs still ends. */
  forget(task: PartitionTask): void {
    const gathering = this.#gatherings.get(task)
    if (gathering === undefined) return
    stopTimer(gathering)
    this.#ready.delete(gathering)
    if (gathering.running === undefined) this.#gatherings.delete(task)
  }

  #of(task: PartitionTask): Gathering {
    let gathering = this.#gatherings.get(task)
    if (gathering === undefined) {
      gathering = new Gathering(task)
      this.#gatherings.set(task, gathering)
    }
    return gathering
  }
  #arriveAnew(task: PartitionTask, deliveries: readonly Delivery[]): void {
    if (deliveries.length === 0) return
    const gathering = this.#of(task)
    gathering.arrived = [...deliveries, ...gathering.arrived]
    if (this.#options.policy.waitMs > 0) gathering.times = [...deliveries.map(() => 0), ...gathering.times]
    this.#ready.add(gathering)
  }
  #free(delivery: Delivery): void {
    const { task } = delivery
    const gathering = this.#gatherings.get(task)
    if (gathering?.running !== delivery) return
    gathering.running = undefined
    this.#running--
    if (task.active) this.#ready.add(gathering)
    else this.#gatherings.delete(task)
  }

  readonly #lookNow = (): void => {
    this.#looksLater = false
    this.#pump()
  }
  /** A loop, not a recursion: a batch that ends at once frees its slot while this runs. */
  #pump(): void {
    if (this.#isPumping) return
    this.#isPumping = true
    try {
      while (this.#mayStart) {
        const [gathering] = this.#ready
        if (gathering === undefined) break
        this.#ready.delete(gathering)
        if (gathering.isFree && gathering.task.active) this.#startNext(gathering)
      }
    } finally {
      this.#isPumping = false
    }
  }
  get #mayStart(): boolean {
    return this.#state === 'open' && this.#running < this.#options.concurrency && this.#gate.mayStart
  }

  #startNext(gathering: Gathering): void {
    const next = gathering.first.shift() ?? this.#takeArrived(gathering)
    if (next === undefined) return
    stopTimer(gathering)
    const isSingle = !isBatch(next) && next.route === this.#options.policy.route
    const delivery = isSingle ? formBatch([next]) : next
    for (const { laneKey, lanes } of isBatch(delivery) ? delivery.members : [delivery]) {
      if (laneKey !== null && !lanes.has(laneKey)) lanes.set(laneKey, [])
    }
    gathering.running = delivery
    this.#running++
    this.#options.run(delivery)
  }

  /** A batch of what has arrived, or one record that goes alone; undefined when there is none, or its time has not come. */
  #takeArrived(gathering: Gathering): Delivery | undefined {
    if (!this.#isTime(gathering)) return undefined
    const { policy, follow } = this.#options
    const { arrived, times, single } = gathering
    const members: Delivery[] = []
    const blocked: Delivery[] = []
    let taken = 0
    for (; taken < arrived.length && members.length < policy.size; taken++) {
      const delivery = arrived[taken]!
      const { laneKey, lanes } = delivery
      if (laneKey !== null && lanes.has(laneKey)) {
        blocked.push(delivery)
        continue
      }
      if (this.#goesAlone(gathering, delivery)) {
        if (members.length > 0) break
        members.push(delivery)
        taken++
        break
      }
      members.push(delivery)
    }
    arrived.splice(0, taken)
    times.splice(0, taken)
    const [first] = members
    const isAlone = first !== undefined && this.#goesAlone(gathering, first)
    if (isAlone) single.delete(first)
    // Last: what follows into the store makes room for more, that arrives at once.
    for (const delivery of blocked) {
      single.delete(delivery)
      follow(delivery)
    }
    if (first === undefined) {
      if (arrived.length > 0) this.#ready.add(gathering)
      return undefined
    }
    return isAlone ? first : formBatch(members)
  }
  #goesAlone({ single }: Gathering, delivery: Delivery): boolean {
    return delivery.route !== this.#options.policy.route || single.has(delivery)
  }

  /** Whether a batch may begin with what is there; else it is looked at again when the first has waited long enough. */
  #isTime(gathering: Gathering): boolean {
    const { arrived } = gathering
    const { policy, clock } = this.#options
    if (arrived.length === 0) return false
    if (policy.waitMs === 0 || arrived.length >= policy.size) return true
    const restMs = this.#dueMs(gathering) - clock.elapsedMs()
    if (restMs <= 0 || arrived.some((delivery) => delivery.route !== policy.route)) return true
    gathering.timer ??= clock.schedule(restMs, () => {
      gathering.timer = undefined
      this.#ready.add(gathering)
      this.#pump()
    })
    return false
  }
  #dueMs({ times }: Gathering): number {
    return (times[0] ?? 0) + this.#options.policy.waitMs
  }
}

function stopTimer(gathering: Gathering): void {
  gathering.timer?.()
  gathering.timer = undefined
}
