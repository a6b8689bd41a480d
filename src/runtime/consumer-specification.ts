import type { AnyComponent } from '../core/component.ts'
import type { AnyDefinition } from '../topics/types.ts'
import type { BatchPolicy } from './batches/batch.ts'
import type { PauseOn } from './circuit.ts'
import type { HandlerContext } from './context.ts'
import type { WhenSpent } from './failures.ts'
import type { RetryPolicy } from './retry.ts'

/** What a pattern makes of one record: which code handles it, and within which limits. */
export interface Route {
  /** The value, or for a tombstone the key. */
  readonly handle: (event: never, context: HandlerContext) => unknown
  readonly retry: RetryPolicy
  readonly timeoutMs: number
  /** Attempts of this route at once, over all partitions; no limit of its own where it is absent. */
  readonly concurrency?: number
}

/** A component that reads: what subscribers and workers hand to the runtime. */
export interface ConsumerSpecification {
  readonly component: AnyComponent
  readonly group: string
  readonly sources: readonly AnyDefinition[]
  /** Its commit home; without it the log. */
  readonly database?: AnyComponent | undefined
  /** Where a group without a position begins. */
  readonly startAt: 'earliest' | 'latest' | Date
  /** What happens to a record that its handler will not have. */
  readonly whenSpent: WhenSpent
  /** Attempts at once. */
  readonly concurrency: number
  /** Errors at which the component waits for what is away, in place of spending attempts. */
  readonly pauseOn?: PauseOn | undefined
  /** Records go to their handler in batches. */
  readonly batch?: BatchPolicy | undefined
  /** The route of an event by its name; undefined skips the record. Throws where skipping would lose it. */
  route(source: AnyDefinition, name: string | undefined): Route | undefined
  /** The route of tombstones; undefined skips them. */
  readonly tombstones?: Route | undefined
}
