import type { Cancel } from '../core/clock.ts'
import type { AnyComponent, HandleOf } from '../core/component.ts'
import { type Duration, toMilliseconds } from '../core/duration.ts'
import { derivedIds, type NewId } from '../core/ids.ts'
import type { Logger } from '../core/logger.ts'
import type { AnyDefinition, AnyQueue, AnyTopic, InputOf, Keyed } from '../topics/types.ts'
import type { Host } from './attachment.ts'
import { encodeOutgoing, encodeTombstone, type OutgoingSource } from './commit/outgoing.ts'
import type { OutputMessage } from './commit/output.ts'
import type { HandlerContext, PublishOptions, SendOptions } from './context.ts'
import type { Deadlines, Expiring } from './deadlines.ts'
import { type Delivery, headersOf } from './delivery.ts'
import { AttemptTimeoutError, HandlerEndedError } from './errors.ts'

const noOutputs: OutputMessage[] = []
const noDefinitions: AnyDefinition[] = []

/** What attempts of one component share. */
export interface AttemptScope {
  readonly host: Host
  readonly componentName: string
  readonly log: Logger
}

/**
 * One call of a handler, and the context that the handler sees.
 *
 *     running → ended            the handler returned or threw in time
 *     running → aborted → ended  its time was up or the app stopped; whatever it still does is dropped
 *
 * Members are getters on the prototype that make their closures when they are asked for: a handler destructures the two
 * or three that it needs, and a record costs no closure that nobody calls.
 */
export class Attempt implements HandlerContext, Expiring {
  readonly #scope: AttemptScope
  readonly #delivery: Delivery
  readonly #deadlines: Deadlines | undefined
  #outputs: OutputMessage[] = noOutputs
  /** Topics and queues that it put something into, some of them more than once. */
  #definitions: AnyDefinition[] = noDefinitions
  #state: 'running' | 'aborted' | 'ended' = 'running'
  #controller: AbortController | undefined
  #abortReason: Error | undefined
  #newId: NewId | undefined
  #cancelExtension: Cancel | undefined
  #onAbort: ((reason: Error) => void) | undefined
  dueMs = 0
  /** When the handler was called, where somebody listens for how long it takes. */
  startMs: number | undefined = undefined

  constructor(scope: AttemptScope, delivery: Delivery, deadlines: Deadlines | undefined) {
    this.#scope = scope
    this.#delivery = delivery
    this.#deadlines = deadlines
  }

  get delivery(): Delivery {
    return this.#delivery
  }
  get outputs(): readonly OutputMessage[] {
    return this.#outputs
  }
  get definitions(): readonly AnyDefinition[] {
    return this.#definitions
  }
  get state(): 'running' | 'aborted' | 'ended' {
    return this.#state
  }

  /** The handler has a promise out: its time runs, and `onAbort` is told when it is aborted. */
  watch(onAbort: (reason: Error) => void): void {
    this.#onAbort = onAbort
    // Extended before its first await, it has its own time already.
    if (this.#cancelExtension === undefined) this.#deadlines?.add(this)
  }
  /** Nothing is taken from the handler any more. */
  end(): void {
    if (this.#state === 'running') this.#state = 'ended'
    this.#stopTime()
  }
  /** Ends it from outside. Does nothing when it has ended. */
  abort(reason: Error): void {
    if (this.#state !== 'running') return
    this.#state = 'aborted'
    this.#abortReason = reason
    this.#stopTime()
    this.#controller?.abort(reason)
    this.#onAbort?.(reason)
  }
  expire(): void {
    const { task, offset, route } = this.#delivery
    const place = { topic: task.topic, partition: task.partition, offset }
    this.abort(new AttemptTimeoutError(this.#scope.componentName, place, route.timeoutMs))
  }

  // The context, as the handler sees it.

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
  get attempt(): number {
    return this.#delivery.attempt
  }
  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController()
      if (this.#abortReason !== undefined) this.#controller.abort(this.#abortReason)
    }
    return this.#controller.signal
  }
  get log(): Logger {
    return this.#scope.log
  }
  get now(): () => Date {
    return this.#scope.host.clock.now
  }
  get newId(): NewId {
    this.#newId ??= derivedIds(`${this.#scope.componentName}\n${this.#delivery.id}`)
    return this.#newId
  }
  get get(): <C extends AnyComponent>(component: C) => HandleOf<C> {
    return (component) => this.#scope.host.get(component)
  }
  get publish(): <T extends AnyTopic>(topic: T, event: InputOf<T>, options?: PublishOptions) => void {
    return (topic, event, options) => this.#put('publish', topic, event, options)
  }
  get send(): <Q extends AnyQueue>(queue: Q, task: InputOf<Q>, options?: SendOptions) => void {
    return (queue, task, options) => this.#put('send', queue, task, options)
  }
  get tombstone(): <T extends AnyTopic>(topic: Keyed<T>, key: string) => void {
    return (topic, key) => {
      this.expectRunning('tombstone')
      this.#keep(topic, encodeTombstone(topic, key, this.#source()))
    }
  }
  /** For workers: this much more time from now. */
  get extend(): (time: Duration) => void {
    return (time) => {
      const restMs = toMilliseconds(time)
      if (this.#state !== 'running') return
      this.#stopTime()
      const { clock } = this.#scope.host
      this.dueMs = clock.elapsedMs() + restMs
      this.#cancelExtension = clock.schedule(restMs, () => this.expire())
    }
  }

  #stopTime(): void {
    this.#deadlines?.remove(this)
    this.#cancelExtension?.()
  }
  #put(call: string, definition: AnyDefinition, input: unknown, options?: PublishOptions): void {
    this.expectRunning(call)
    this.#keep(definition, encodeOutgoing(definition, input, this.#source(), options))
  }
  #keep(definition: AnyDefinition, message: OutputMessage): void {
    if (this.#outputs === noOutputs) {
      this.#outputs = []
      this.#definitions = []
    }
    if (this.#definitions.at(-1) !== definition) this.#definitions.push(definition)
    this.#outputs.push(message)
  }
  /** For what a handler calls. Throws `HandlerEndedError` when it has ended, or why it was aborted. */
  expectRunning(call: string): void {
    if (this.#state === 'running') return
    throw this.#abortReason ?? new HandlerEndedError(call)
  }
  #source(): OutgoingSource {
    const { clock, newId } = this.#scope.host
    return { clock, newId, traceparent: this.#delivery.traceparent }
  }
}
