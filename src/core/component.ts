/**
 * What every pattern gives to an app and the only thing that the app knows of a pattern.
 * `name` is the durable identity: group id, checkpoint, outbox and start-up table are keyed by it.
 */
export interface Component<Handle = unknown> {
  readonly kind: string
  readonly name: string
  /** One line for people: what it reads, what it does. */
  describe(): string
  /** Types only, as Standard Schema does it: nothing here at run time. */
  readonly '~handle'?: (() => Handle) | undefined
}
/** A component, whatever its handle. */
export type AnyComponent = Component<unknown>
/** What `app.add` gives for a component. */
export type HandleOf<C extends AnyComponent> = C extends Component<infer H> ? H : never
