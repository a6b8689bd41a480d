import type { AnyComponent, HandleOf } from '../core/component.ts'
import type { Duration } from '../core/duration.ts'
import type { Logger } from '../core/logger.ts'
import type { Position } from '../runtime/commit/position.ts'
import type { Middleware, Outputs, PublishOptions, SendOptions } from '../runtime/context.ts'
import type { AnyQueue, AnyTopic, InputOf, Keyed } from '../topics/types.ts'
import type { DeadLetters } from './dead-letters.ts'
import type { DelayedTasks } from './delayed.ts'
import type { AppStatus } from './status.ts'

/** A record that is durable in the log. */
export interface Published {
  readonly id: string
  readonly position: Position
}

/** All are optional; every fault is reported together by `millrace()`. */
export interface AppOptions {
  /**
   * Where the log is: `file:path` or `memory:`. `MILLRACE_URL`, else `file:.millrace/log.db` (the same for every app in
   * a folder: two services must meet).
   */
  readonly url?: string
  /** Lines to standard error by default. */
  readonly logger?: Logger
  /** What the time is, for records and handlers. The machine's by default. */
  readonly clock?: { now(): Date }
  /** A source of unique ids for records, each 1 to 200 printable ASCII characters without spaces (`InvalidIdError`). */
  readonly id?: () => string
  /** How long `stop` waits for handlers that run. `'10s'` by default. */
  readonly drainTimeout?: Duration
}

/**
 * Components over one log. States: new → started → stopped, or failed when a component dies (see `health` and `run`).
 * `await using app = millrace(…)` stops it at the end of the block.
 */
export interface App extends AsyncDisposable {
  /** Adds components before `start` and returns their handles. Throws `DuplicateComponentError`, `AppStateError`. */
  add<C extends AnyComponent>(component: C): HandleOf<C>
  add<const C extends readonly [AnyComponent, AnyComponent, ...AnyComponent[]]>(
    ...components: C
  ): { [I in keyof C]: HandleOf<C[I]> }
  /** The handle of a component that was added. Throws `NotInAppError`. */
  get<C extends AnyComponent>(component: C): HandleOf<C>
  /** Around every handler of every component, in the order of the calls. Before `start`. */
  use(middleware: Middleware): this

  /**
   * Appends one event; resolves when it is durable. Creates the topic when it is missing.
   * Throws `InvalidEventError` with every fault, and `RecordTooLargeError` above 16 MiB with key and headers: nothing is
   * written then. (Kafka: `max.message.bytes`.) In a handler of this app it throws
   * `PublishInHandlerError`: use the handler's own `publish`, which commits with it.
   */
  publish<T extends AnyTopic>(topic: T, event: InputOf<T>, options?: PublishOptions): Promise<Published>
  /** Appends many, in order, in commits of bounded size: when it rejects, those before may be in the log. */
  publishAll<T extends AnyTopic>(
    topic: T,
    events: Iterable<InputOf<T>> | AsyncIterable<InputOf<T>>,
  ): Promise<{ readonly count: number; readonly position: Position }>
  /** Appends a record without a value for this key. */
  tombstone<T extends AnyTopic>(topic: Keyed<T>, key: string): Promise<Published>
  /** As `publish`, for a task. */
  send<Q extends AnyQueue>(queue: Q, task: InputOf<Q>, options?: SendOptions): Promise<Published>
  /** Several outputs, all or none: they are appended in one commit when `work` has ended, and not when it throws. */
  transaction<R>(work: (outputs: Outputs) => R | Promise<R>): Promise<R>

  /**
   * Opens log and databases, runs migrations, creates topics; resolves when every group has its partitions. When any
   * part fails it rejects, and what was started is stopped.
   */
  start(): Promise<void>
  /** `start`, then until SIGTERM, SIGINT or a call of `stop`, then `stop`; rejects when a component dies, after stopping the others. */
  run(): Promise<void>
  /** Stops taking, waits for handlers and commands up to the deadline (then aborts them), commits, leaves. Idempotent. */
  stop(options?: { readonly deadline?: Duration }): Promise<void>
  /**
   * Resolves when all groups have handled all there is, attempts that wait included, and every outbox is empty.
   * Tasks that are not due do not count.
   * Rejects when a component has died or the app is not started (`AppStateError`), and after `timeout` (30 s by default)
   * with what is not settled.
   */
  settled(options?: { readonly timeout?: Duration }): Promise<void>
  /**
   * `up` when it started, every component lives and the log can be written; else `down` with each reason. Another process
   * that keeps the log's write lock (one that was stopped in a commit) is one after five seconds, until it gives it back.
   */
  health(): { readonly status: 'up' | 'down'; readonly reasons: readonly string[] }
  /**
   * What it does right now: each component with its lag, its rates and what holds it, outboxes, the log. Reads the log's
   * offsets, and its dead letters when there are new ones. Never rejects; in any state.
   */
  status(): Promise<AppStatus>
  /** The records that groups gave up: to look at, and to handle again. */
  readonly deadLetters: DeadLetters
  /** Tasks that wait for their time: to look at, and to cancel. */
  readonly delayed: DelayedTasks
  /** The table of guarantees that `start` logs: each component, what it reads, where it commits, what holds. */
  describe(): string
}
