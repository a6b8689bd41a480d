import type { AnyComponent, HandleOf } from '../core/component.ts'
import type { Duration } from '../core/duration.ts'
import type { Logger } from '../core/logger.ts'
import type { AnyQueue, AnyTopic, InputOf, Keyed } from '../topics/types.ts'

/** What a handler knows of its record. */
export interface RecordInfo {
  /** Stable across redelivery: deduplicate the outside world on it. */
  readonly id: string
  readonly topic: string
  readonly partition: number
  readonly offset: number
  readonly timestamp: Date
  readonly key: string | null
  /** As text; of a repeated name the last one. */
  readonly headers: ReadonlyMap<string, string>
}

/** How one record is published. */
export interface PublishOptions {
  /** Text by name. Names that begin with `millrace-` are ours and refused. */
  readonly headers?: Readonly<Record<string, string>>
  /** The record's id, a new one by default: 1 to 200 printable ASCII characters without spaces. */
  readonly id?: string
}
/** How one task is sent. */
export interface SendOptions extends PublishOptions {
  /** How long after now it is due; at once by default. From 1 ms to years, kept durably. */
  readonly delay?: Duration
  /** In place of `delay`: when it is due. */
  readonly at?: Date
}

/** What a handler may put out. Declared, not awaited: it commits with the handler, or not at all. */
export interface Outputs {
  /** Throws `InvalidEventError` at once when the event does not fit the schema. */
  readonly publish: <T extends AnyTopic>(topic: T, event: InputOf<T>, options?: PublishOptions) => void
  /** As `publish`, for a task. */
  readonly send: <Q extends AnyQueue>(queue: Q, task: InputOf<Q>, options?: SendOptions) => void
  /** A record without a value for this key: "it is gone". For topics with a key. */
  readonly tombstone: <T extends AnyTopic>(topic: Keyed<T>, key: string) => void
}

/** Every member may be destructured. */
export interface HandlerContext extends RecordInfo, Outputs {
  /** 1 at first. */
  readonly attempt: number
  /** Aborts when the attempt's time is up, the app's drain has ended, or its partition belongs to another process. */
  readonly signal: AbortSignal
  readonly log: Logger
  /** The injected clock. */
  readonly now: () => Date
  /** The same ids in the same order when the record is delivered again. */
  readonly newId: () => string
  /** The handle of another component of this app. Throws `NotInAppError`. */
  readonly get: <C extends AnyComponent>(component: C) => HandleOf<C>
}

/** Around every handler, as in Koa: `await next()` runs the rest. What it throws fails the attempt. */
export type Middleware = (context: HandlerContext, next: () => Promise<void>) => Promise<void>

/**
 * How often a handler that throws is tried, and how long it waits before. Its key waits with it, others go on; a wait of
 * more than five seconds is held in the component's store, and survives a restart.
 */
export interface RetryOptions {
  /** 5 by default; 1 is no retry. */
  readonly attempts?: number
  /** Before the second attempt; doubles from there, with jitter (half of it is random). `'1s'` by default. */
  readonly delay?: Duration
  /** `'1m'` by default. */
  readonly maxDelay?: Duration
}
