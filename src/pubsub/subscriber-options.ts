import type { AnyComponent, Component } from '../core/component.ts'
import type { Duration } from '../core/duration.ts'
import type { FaultList } from '../core/faults.ts'
import type { AttachableComponent } from '../runtime/attachment.ts'
import type { PauseOn } from '../runtime/circuit.ts'
import { attachConsumer } from '../runtime/consumer-attachment.ts'
import type { ConsumerSpecification } from '../runtime/consumer-specification.ts'
import type { HandlerContext, RetryOptions } from '../runtime/context.ts'
import type { WhenSpent } from '../runtime/failures.ts'
import {
  type AttemptLimits,
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
import type { Handler, Source } from '../topics/handlers.ts'
import type { AnyTopic } from '../topics/types.ts'

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
   * with `'dead-letter-in-order'` the records of its key wait in the store until it is redriven or discarded, within the
   * bounds of held ones; or it is skipped; or the component stops there and the app is unhealthy.
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

/** The options without the types of their handlers: the schema of a topic decides what they get. */
export interface UntypedOptions {
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

/** The options that every subscriber knows. */
export const knownOptions: Record<keyof UntypedOptions, true> = {
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

/** What every subscriber makes of its options, all but `on`; every fault is noted. */
export function readSubscriberOptions(
  group: string,
  options: UntypedOptions,
  faults: FaultList,
): { readonly common: Omit<ConsumerSpecification, 'component' | 'group' | 'route'>; readonly limits: AttemptLimits } {
  const { from, database, onTombstone, start = 'earliest', concurrency } = options ?? {}
  expectGroup(group, faults)
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
  faults.expect(onTombstone === undefined || isHandler(onTombstone), 'onTombstone', 'give a function')
  const common = {
    sources,
    database,
    startAt: start,
    whenSpent,
    pauseOn,
    concurrency: concurrency ?? defaultConcurrency,
    tombstones: isHandler(onTombstone) ? { handle: onTombstone, ...limits } : undefined,
  }
  return { common, limits }
}

/** A component of this kind that subscribes its group. */
export function makeSubscriber(
  kind: string,
  group: string,
  read: Omit<ConsumerSpecification, 'component' | 'group'>,
): Component<SubscriberHandle> {
  const component: AttachableComponent<SubscriberHandle> = {
    kind,
    name: group,
    describe: () => `${kind} '${group}' of ${read.sources.map(({ name }) => name).join(', ')}`,
    '~attach': (host) =>
      attachConsumer(host, { component, group, ...read }, (consumer) => ({
        pause: async (reason) => consumer.pause(reason),
        resume: async () => consumer.resume(),
        lag: () => consumer.lag(),
      })),
  }
  return component
}
