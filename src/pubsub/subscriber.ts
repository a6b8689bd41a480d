import type { AnyComponent, Component } from '../core/component.ts'
import type { Duration } from '../core/duration.ts'
import { FaultList } from '../core/faults.ts'
import type { AttachableComponent } from '../runtime/attachment.ts'
import type { PauseOn } from '../runtime/circuit.ts'
import { attachConsumer } from '../runtime/consumer-attachment.ts'
import type { ConsumerSpecification, Route } from '../runtime/consumer-specification.ts'
import type { HandlerContext, RetryOptions } from '../runtime/context.ts'
import type { WhenSpent } from '../runtime/failures.ts'
import {
  defaultConcurrency,
  expectConcurrency,
  expectGroup,
  isDatabase,
  isDefinition,
  isHandler,
  readAttemptLimits,
  readPauseOn,
  readWhenSpent,
} from '../runtime/routes.ts'
import type { Database, WithTx } from '../sql/index.ts'
import type { Handler, HandlersByType, Source, TopicsOf } from '../topics/handlers.ts'
import type { AnyTopic, OutputOf } from '../topics/types.ts'

/** What `app.add(subscriber(…))` gives. */
export interface SubscriberHandle {
  /** Starts no more handlers in this process until `resume`; what runs goes on. `reason` is shown where it waits. */
  pause(reason: string): Promise<void>
  resume(): Promise<void>
  /** Records of its topics that its group has not finished, by their offsets: those that the log leaves out count. (Kafka: consumer lag.) */
  lag(): Promise<number>
}

/** Beside the handlers (`on`). */
export interface SubscriberOptions<S extends Source, Tables> {
  /** One topic or several. */
  readonly from: S
  /**
   * Gives handlers a transaction `tx` that holds their rows, the checkpoint and what they publish or send: exactly once.
   * On SQLite these transactions run one at a time.
   */
  readonly database?: Database<Tables>
  /** Where a group that has no position yet begins: `'earliest'` by default. (Kafka: `auto.offset.reset`.) */
  readonly start?: 'earliest' | 'latest' | Date
  /** Handlers at once in this process. 16 by default; records of one key stay in order. */
  readonly concurrency?: number
  /** When a handler throws. A wait of more than five seconds is held durably, the records of its key behind it. */
  readonly retry?: RetryOptions
  /**
   * What happens to a record whose attempts are spent, that is rejected (`RejectError`) or cannot be read. By default it
   * goes to the group's dead-letter topic and its key goes on (`app.deadLetters` lists them and has them handled again);
   * or it is skipped; or the component stops there and the app is unhealthy.
   */
  readonly whenSpent?: WhenSpent
  /**
   * Whether an error means that something which all handlers need is away (a database, a mail server). Then the component
   * waits, in this process, with all its partitions: no attempt is spent and nothing dies. What failed is tried again as
   * a probe, after 1 s, then 2 s, up to 30 s, and everything goes on when it ends in another way. The reason is logged
   * once and shown where the component waits; the app stays healthy. For a `RetryAfterError` the probe waits at least its
   * time; `RejectError` is never asked about. A `pauseOn` that throws counts as false. By default no error does.
   */
  readonly pauseOn?: (error: Error) => boolean
  /** Of one attempt; `'5m'` by default. Then its signal aborts and the attempt has failed. */
  readonly timeout?: Duration
  /** For records without a value; it gets the key. Without it they are acknowledged and skipped. */
  readonly onTombstone?: Handler<string, WithTx<HandlerContext, Tables>>
}

/**
 * Subscribes a group to topics: every group gets every record, in a group each record is handled by one member.
 *
 * Records of one key are handled in order, different keys at once. What a handler publishes commits together with the
 * acknowledgement of its record, or not at all; its own effects on the outside world happen at least once: use the
 * record's `id` to deduplicate them. A handler that throws is tried again (`retry`), what it published is dropped; after the
 * last attempt the record is a dead letter (`whenSpent`).
 *
 * `group` is the consumer group and the durable name. `on` is one function for every event, or handlers by event type:
 * then types without a handler are acknowledged and skipped.
 *
 * @throws InvalidOptionsError with every fault of the options.
 * @example
 * ```ts
 * const inventory = subscriber('inventory-service', {
 *   from: orderEvents,
 *   on: { ORDER_CREATED: async ({ items }) => reserve(items) },
 * })
 * ```
 */
export function subscriber<const S extends Source, Tables = never>(
  group: string,
  options: SubscriberOptions<S, Tables> & {
    readonly on:
      | HandlersByType<TopicsOf<S>, WithTx<HandlerContext, Tables>>
      | Handler<OutputOf<TopicsOf<S>>, WithTx<HandlerContext, Tables>>
  },
): Component<SubscriberHandle>
export function subscriber(group: string, options: UntypedOptions): Component<SubscriberHandle> {
  const read = readOptions(group, options)
  const component: AttachableComponent<SubscriberHandle> = {
    kind: 'subscriber',
    name: group,
    describe: () => `subscriber '${group}' of ${read.sources.map(({ name }) => name).join(', ')}`,
    '~attach': (host) =>
      attachConsumer(host, { component, group, ...read }, (consumer) => ({
        pause: async (reason) => consumer.pause(reason),
        resume: async () => consumer.resume(),
        lag: () => consumer.lag(),
      })),
  }
  return component
}

/** The options without the types of their handlers: the schema of a topic decides what they get. */
interface UntypedOptions {
  readonly from: AnyTopic | readonly AnyTopic[]
  readonly database?: AnyComponent
  readonly start?: 'earliest' | 'latest' | Date
  readonly concurrency?: number
  readonly retry?: RetryOptions
  readonly timeout?: Duration
  readonly whenSpent?: WhenSpent
  readonly pauseOn?: PauseOn
  readonly on: unknown
  readonly onTombstone?: unknown
}

const known: Record<keyof UntypedOptions, true> = {
  from: true,
  on: true,
  onTombstone: true,
  database: true,
  start: true,
  concurrency: true,
  retry: true,
  timeout: true,
  whenSpent: true,
  pauseOn: true,
}

function readOptions(group: string, options: UntypedOptions): Omit<ConsumerSpecification, 'component' | 'group'> {
  const { from, on, database, onTombstone, start = 'earliest', concurrency } = options ?? {}
  const faults = new FaultList()
  expectGroup(group, faults)
  faults.expectOnly(options, known)
  const sources = (Array.isArray(from) ? from : [from]) as readonly AnyTopic[]
  faults.expect(sources.length > 0 && sources.every((source) => isDefinition(source, 'topic')), 'from', 'give topics')
  const names = sources.map((source) => source?.name)
  faults.expect(new Set(names).size === names.length, 'from', 'gives a topic twice')
  faults.expect(database === undefined || isDatabase(database), 'database', 'give what database() returned')
  const startFits =
    start === 'earliest' || start === 'latest' || (start instanceof Date && !Number.isNaN(start.getTime()))
  faults.expect(startFits, 'start', "give 'earliest', 'latest' or a valid Date")
  expectConcurrency(concurrency, faults)
  const whenSpent = readWhenSpent(options?.whenSpent, faults)
  const pauseOn = readPauseOn(options?.pauseOn, faults)
  const limits = readAttemptLimits(options ?? {}, faults)
  const isMap = typeof on === 'object' && on !== null
  faults.expect(isMap || isHandler(on), 'on', 'give a function, or functions by event type')
  const byName = new Map<string, Route>()
  for (const [name, handle] of isMap ? Object.entries(on) : []) {
    faults.expect(handle === undefined || isHandler(handle), `on.${name}`, 'give a function')
    if (isHandler(handle)) byName.set(name, { handle, ...limits })
  }
  faults.expect(onTombstone === undefined || isHandler(onTombstone), 'onTombstone', 'give a function')
  faults.throwIfAny(`subscriber ${JSON.stringify(group)}`)

  const all = isHandler(on) ? { handle: on, ...limits } : undefined
  return {
    sources,
    database,
    startAt: start,
    whenSpent,
    pauseOn,
    concurrency: concurrency ?? defaultConcurrency,
    route: all === undefined ? (_, name) => byName.get(name ?? '') : () => all,
    tombstones: isHandler(onTombstone) ? { handle: onTombstone, ...limits } : undefined,
  }
}
