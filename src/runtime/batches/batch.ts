import { toError } from '../../core/errors.ts'
import type { Attempt } from '../attempt.ts'
import type { Route } from '../consumer-specification.ts'
import type { RecordInfo } from '../context.ts'
import { type Delivery, headersOf } from '../delivery.ts'

/** How a component takes its records in batches. */
export interface BatchPolicy {
  /** Records of a batch, at most. */
  readonly size: number
  /** How long a batch waits for more while it is not full. */
  readonly waitMs: number
  /** The route of the records that go into batches; any other goes alone, to its own handler. */
  readonly route: Route
}

/** One record of a batch. */
export interface BatchItem<Event> extends RecordInfo {
  readonly event: Event
  /**
   * This one failed: it is tried again, held or dead alone, and the rest of the batch commits. Those behind it of its key
   * wait for it and are handled again. Only while the handler runs (`HandlerEndedError`).
   */
  readonly fail: (error: Error) => void
}

/**
 * Records of one partition that are handled by one call. To the attempt runner it is one delivery, with the place and the
 * headers of its first record and no key.
 */
export interface BatchDelivery extends Delivery {
  /** In the order of their offsets. */
  readonly members: readonly Delivery[]
  /** What the handler said of them, in the attempt that runs. */
  readonly failures: Map<Delivery, Error>
  /** Of the rest of a batch whose items failed: those and the ones behind them, dealt with when the rest has ended. */
  readonly left: LeftItems | undefined
}
/** Items of a batch that are not done when it ends. */
export interface LeftItems {
  readonly failed: readonly (readonly [Delivery, Error])[]
  /** Behind a failed one of their key: to be handled again after it, whatever the handler made of them. */
  readonly followers: readonly Delivery[]
}

/** Whether a delivery is a batch. */
export function isBatch(delivery: Delivery): delivery is BatchDelivery {
  return 'members' in delivery
}

/** A batch of these; their attempts are as many as those of the first. */
export function formBatch(members: readonly Delivery[], left?: LeftItems): BatchDelivery {
  const first = members[0]!
  return {
    ...first,
    entry: undefined,
    parked: undefined,
    key: null,
    laneKey: null,
    sizeBytes: members.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
    members,
    failures: new Map(),
    left,
  }
}

/** All its records, what is left of the batch that it is the rest of included, in the order of their offsets. */
export function everyOf({ members, left }: BatchDelivery): readonly Delivery[] {
  if (left === undefined) return members
  const all = [...members, ...left.failed.map(([delivery]) => delivery), ...left.followers]
  return all.sort((one, other) => one.offset - other.offset)
}

/** What a handler made of the items of a batch. */
export interface BatchOutcome extends LeftItems {
  readonly done: readonly Delivery[]
}
/** Of a failed key only the first that failed counts as failed. */
export function outcomeOf({ members, failures, left }: BatchDelivery): BatchOutcome {
  if (failures.size === 0) return { done: members, failed: [], followers: [], ...left }
  const failedKeys = new Set<string>()
  const done: Delivery[] = []
  const failed: [Delivery, Error][] = []
  const followers: Delivery[] = []
  for (const member of members) {
    const error = failures.get(member)
    const { laneKey } = member
    if (laneKey !== null && failedKeys.has(laneKey)) followers.push(member)
    else if (error === undefined) done.push(member)
    else {
      failed.push([member, error])
      if (laneKey !== null) failedKeys.add(laneKey)
    }
  }
  return { done, failed, followers }
}

/** The route of batches: their handler gets the items of the batch. */
export function batchRoute(
  handle: (items: readonly BatchItem<never>[], context: never) => unknown,
  limits: Pick<Route, 'retry' | 'timeoutMs'>,
): Route {
  return {
    ...limits,
    handle: (_, context) => {
      const attempt = context as Attempt
      const batch = attempt.delivery as BatchDelivery
      // What an earlier attempt said of them went with that attempt.
      batch.failures.clear()
      const items = batch.members.map((member) => new Item(attempt, batch, member))
      return handle(items, context as never)
    },
  }
}

/** Every member may be destructured. */
class Item implements BatchItem<never> {
  readonly #attempt: Attempt
  readonly #batch: BatchDelivery
  readonly #delivery: Delivery

  constructor(attempt: Attempt, batch: BatchDelivery, delivery: Delivery) {
    this.#attempt = attempt
    this.#batch = batch
    this.#delivery = delivery
  }

  get event(): never {
    return this.#delivery.event as never
  }
  get id(): string {
    return this.#delivery.id
  }
  get topic(): string {
    return this.#delivery.task.topic
  }
  get partition(): number {
    return this.#delivery.task.partition
  }
  get offset(): number {
    return this.#delivery.offset
  }
  get timestamp(): Date {
    return new Date(this.#delivery.timestampMs)
  }
  get key(): string | null {
    return this.#delivery.key
  }
  get headers(): ReadonlyMap<string, string> {
    return headersOf(this.#delivery)
  }
  get fail(): (error: Error) => void {
    return (error) => {
      this.#attempt.expectRunning('fail')
      this.#batch.failures.set(this.#delivery, toError(error))
    }
  }
}
