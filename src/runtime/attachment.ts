/**
 * How a component meets an app: the app attaches it and gets an `Attachment`; the component sees a `Host`.
 * A pattern needs nothing else of the app, and the app nothing else of a pattern.
 */
import type { Clock } from '../core/clock.ts'
import type { AnyComponent, Component, HandleOf } from '../core/component.ts'
import type { NewId } from '../core/ids.ts'
import type { Logger } from '../core/logger.ts'
import type { Log, Topic } from '../log/log.ts'
import type { AnyDefinition } from '../topics/types.ts'
import type { DatabaseHome } from './commit/commit-home.ts'
import type { Middleware } from './context.ts'
import type { ConsumerStatus } from './status/consumer-status.ts'
import type { ComponentReport } from './status/group-status.ts'

/** What an app gives to its components. */
export interface Host {
  readonly appName: string
  readonly logger: Logger
  readonly clock: Clock
  readonly newId: NewId
  /** Numbers from 0 to 1, for jitter. */
  readonly random: () => number
  /** A longer wait between attempts is held in the store, where it survives a restart and holds back nothing but its lane. */
  readonly longestWaitInMemoryMs: number
  /** In the order of `app.use`. */
  readonly middleware: readonly Middleware[]
  /** `DATABASE_URL`, or the app's default; `memory:` under `testApp`. */
  readonly databaseUrl: string
  /** How long a component waits for its handlers when it stops by itself. */
  readonly drainTimeoutMs: number
  /** The log, opened at the first call. */
  log(): Promise<Log>
  /**
   * Creates the topics and queues that are missing in the log; remembered. Throws `DefinitionClashError` where a name
   * means something else in this app, `ExternalTopicMissingError` and `TopicClashError`.
   */
  ensure(definitions: Iterable<AnyDefinition>): Promise<void>
  /** As `ensure`, for what is to be written. Throws `KeyRequiredError` too: a topic with compaction, a definition without a key. */
  ensureOutputs(definitions: Iterable<AnyDefinition>): Promise<void>
  /** This very definition was ensured for outputs before. */
  takesOutputs(definition: AnyDefinition): boolean
  /** Creates a topic of ours when it is missing; one that is there is used with the count that it has. */
  ensureInternal(topic: { readonly name: string; readonly partitions: number }): Promise<void>
  /** Looks topics up that must be in the log already. Throws `UnknownTopicError`. */
  meetTopics(names: readonly string[]): Promise<void>
  /** A topic that was ensured or met before; undefined when it must be ensured first. */
  readonly knownTopic: (name: string) => Topic | undefined
  /** The handle of a component of this app. Throws `NotInAppError`. */
  get<C extends AnyComponent>(component: C): HandleOf<C>
  /** The database of a component as commit home, added to the app when it is not in it yet. */
  home(database: AnyComponent): Promise<DatabaseHome>
  /** Something was finished, published or committed: `settled` looks again. */
  progressed(): void
  /** The component is dead: the app turns unhealthy and `run` rejects. */
  failed(component: AnyComponent, error: Error): void
}

/** One line of the start-up table. */
export interface Guarantee {
  readonly name: string
  readonly kind: string
  /** Topics or queues that it reads; empty for what is called. */
  readonly reads: readonly string[]
  /** Where it commits: `log`, or the name of a database. */
  readonly home: string
  readonly guarantee: string
}

/** What keeps `settled` waiting. */
export interface Unsettled {
  /** For people: `payment-service: 3 records of order-events/2 not handled`. */
  readonly what: string
  /** It waits for this time alone, on the app's clock; absent when it could go on at once. */
  readonly dueMs?: number
}

/** A component in an app. */
export interface Attachment<Handle = unknown> {
  readonly handle: Handle
  readonly definitions: readonly AnyDefinition[]
  /** Added to the app with it. */
  readonly databases?: readonly AnyComponent[]
  readonly guarantees: readonly Guarantee[]
  /** Databases: implemented by them alone. */
  readonly home?: () => Promise<DatabaseHome>
  /** Databases, then relays, then what consumes. Resolves when it does its work: a group has its partitions. */
  start(): Promise<void>
  /** Takes no more, finishes what runs until the deadline, commits, leaves. Idempotent, also before `start`. */
  stop(deadlineMs: number): Promise<void>
  /** Frees what `stop` leaves usable (a database's connection), after everything stopped. */
  close?(): Promise<void>
  /** What it still has to do right now; nothing when it is settled. Exact at the moment of the answer. */
  unsettled(): Promise<readonly Unsettled[]>
  /** For `app.status()`; what has none is as its app is. Never rejects. */
  report?(): Promise<ComponentReport>
  /** Of what has no report: why it does not go on as it could, in words; absent while it does. */
  readonly blockedBy?: string | undefined
  /** Consumers: records in the log that are not finished. */
  lag?(): Promise<number>
  /** Consumers: what they do at the moment. */
  status?(): ConsumerStatus
}

/** A component that can be attached: what every pattern's function returns. */
export interface AttachableComponent<Handle = unknown> extends Component<Handle> {
  readonly '~attach': (host: Host) => Attachment<Handle>
}
