import type { AnyQueue, AnyTopic, EventOf, NameOf } from './types.ts'

/** One topic, or several read together. */
export type Source = AnyTopic | readonly AnyTopic[]
/** The topics of a source, as a union. */
export type TopicsOf<S extends Source> = S extends readonly (infer T extends AnyTopic)[]
  ? T
  : S extends AnyTopic
    ? S
    : never

/** Handles one event. What it throws fails the attempt; what it returns is not published. */
export type Handler<Event, Context> = (event: Event, context: Context) => void | Promise<void>

/** By event type; a type without a handler is acknowledged and skipped. */
export type HandlersByType<T extends AnyTopic, Context> = [NameOf<T>] extends [never]
  ? never
  : { readonly [N in NameOf<T>]?: Handler<EventOf<T, N>, Context> }
/** By task type, all of them: a queue has one group, so a task without a handler would be lost. */
export type AllHandlersByType<Q extends AnyQueue, Context, Options> = {
  readonly [N in NameOf<Q>]:
    | Handler<EventOf<Q, N>, Context>
    | (Options & { readonly handle: Handler<EventOf<Q, N>, Context> })
}
