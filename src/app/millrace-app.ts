import type { AnyComponent, HandleOf } from '../core/component.ts'
import { type Duration, toMilliseconds } from '../core/duration.ts'
import { toError } from '../core/errors.ts'
import type { AttachableComponent, Attachment, Unsettled } from '../runtime/attachment.ts'
import type { Position } from '../runtime/commit/position.ts'
import type { Middleware, Outputs, PublishOptions, SendOptions } from '../runtime/context.ts'
import { handlerScope } from '../runtime/handler-scope.ts'
import type { AnyQueue, AnyTopic, InputOf, Keyed } from '../topics/types.ts'
import { DeadLetterCounts } from './dead-letter-counts.ts'
import { createDeadLetters, type DeadLetters } from './dead-letters.ts'
import { createDelayedTasks, type DelayedTasks } from './delayed.ts'
import {
  AppStateError,
  ComponentFailedError,
  DuplicateComponentError,
  NotAComponentError,
  NotInAppError,
  PublishInHandlerError,
  QueueTakenError,
  SettledTimeoutError,
} from './errors.ts'
import { describeGuarantees } from './guarantees.ts'
import { AppHost, type HostOptions } from './host.ts'
import { Publisher } from './publisher.ts'
import { findUnsettled, waitUntil } from './settling.ts'
import { untilSignal } from './signals.ts'
import { type AppStatus, readStatus } from './status.ts'
import type { App, Published } from './types.ts'

const defaultSettledTimeoutMs = 30_000

/** How an app is made: options with their defaults filled in. */
export interface AppSettings extends Omit<HostOptions, 'attachmentOf' | 'failed'> {}

/**
 * One app.
 *
 *     new → starting → started → stopping → stopped
 *              └──────────┴─ a component dies: unhealthy, `run` stops it and rejects
 *
 * Databases start first, then what consumes (their relays with them); they stop the other way round.
 */
export class MillraceApp implements App {
  readonly #settings: AppSettings
  readonly #host: AppHost
  readonly #publisher: Publisher
  readonly deadLetters: DeadLetters
  readonly delayed: DelayedTasks
  readonly #deadLetterCounts: DeadLetterCounts
  readonly #attachments = new Map<AnyComponent, Attachment>()
  readonly #byName = new Map<string, AnyComponent>()
  /** The worker of each queue. */
  readonly #workers = new Map<string, string>()
  readonly #failures: { readonly component: string; readonly error: Error }[] = []
  readonly #failed = Promise.withResolvers<void>()
  readonly #stopCalled = Promise.withResolvers<void>()
  #state: 'new' | 'starting' | 'started' | 'stopping' | 'stopped' = 'new'
  #keepAlive: NodeJS.Timeout | undefined
  #starting: Promise<void> | undefined
  #stopping: Promise<void> | undefined

  constructor(settings: AppSettings) {
    this.#settings = settings
    this.#host = new AppHost({
      ...settings,
      attachmentOf: (component) => this.#attachmentOf(component),
      failed: (component, error) => this.#fail(component, error),
    })
    this.#publisher = new Publisher(this.#host)
    this.deadLetters = createDeadLetters(this.#host)
    this.delayed = createDelayedTasks(this.#host)
    this.#deadLetterCounts = new DeadLetterCounts(this.deadLetters)
  }

  add<C extends AnyComponent>(component: C): HandleOf<C>
  add<const C extends readonly [AnyComponent, AnyComponent, ...AnyComponent[]]>(
    ...components: C
  ): { [I in keyof C]: HandleOf<C[I]> }
  add(...components: readonly AnyComponent[]): unknown {
    this.#expectState('add', ['new'])
    const handles = this.#attachAll(components).map(({ handle }) => handle)
    return components.length === 1 ? handles[0] : handles
  }

  get<C extends AnyComponent>(component: C): HandleOf<C> {
    return this.#host.get(component)
  }

  use(middleware: Middleware): this {
    this.#expectState('use', ['new'])
    this.#host.middleware.push(middleware)
    return this
  }

  async publish<T extends AnyTopic>(topic: T, event: InputOf<T>, options?: PublishOptions): Promise<Published> {
    this.#expectOutside('publish')
    return this.#publisher.publish(topic, event, options)
  }
  async publishAll<T extends AnyTopic>(
    topic: T,
    events: Iterable<InputOf<T>> | AsyncIterable<InputOf<T>>,
  ): Promise<{ readonly count: number; readonly position: Position }> {
    this.#expectOutside('publishAll')
    return this.#publisher.publishAll(topic, events)
  }
  async tombstone<T extends AnyTopic>(topic: Keyed<T>, key: string): Promise<Published> {
    this.#expectOutside('tombstone')
    return this.#publisher.tombstone(topic, key)
  }
  async send<Q extends AnyQueue>(queue: Q, task: InputOf<Q>, options?: SendOptions): Promise<Published> {
    this.#expectOutside('send')
    return this.#publisher.publish(queue, task, options)
  }
  async transaction<R>(work: (outputs: Outputs) => R | Promise<R>): Promise<R> {
    this.#expectOutside('transaction')
    return this.#publisher.transaction(work)
  }

  async start(): Promise<void> {
    this.#expectState('start', ['new', 'starting', 'started'])
    if (this.#starting === undefined) {
      this.#state = 'starting'
      // Consumers wait for sockets or for records, and neither keeps a process alive on the embedded engine.
      this.#keepAlive = setInterval(() => {}, 2 ** 30)
      this.#starting = this.#startAll()
    }
    await this.#starting
  }

  async run(): Promise<void> {
    const signal = untilSignal(['SIGTERM', 'SIGINT'])
    try {
      await this.start()
      await Promise.race([signal.received, this.#failed.promise, this.#stopCalled.promise])
    } finally {
      await this.stop().finally(() => signal.forget())
    }
    this.#throwIfFailed()
  }

  async stop({ deadline }: { readonly deadline?: Duration } = {}): Promise<void> {
    const deadlineMs = deadline === undefined ? this.#settings.drainTimeoutMs : toMilliseconds(deadline)
    this.#stopCalled.resolve()
    this.#stopping ??= this.#stopAll(deadlineMs)
    await this.#stopping
  }

  async settled({ timeout = defaultSettledTimeoutMs }: { readonly timeout?: Duration } = {}): Promise<void> {
    const timeoutMs = toMilliseconds(timeout)
    let found: readonly Unsettled[] = []
    // After each look too: what was stopped meanwhile has nothing left to do, and that does not mean that it is done.
    const expectAlive = () => {
      this.#throwIfFailed()
      this.#expectState('settled', ['started'])
    }
    expectAlive()
    const isSettled = await waitUntil(this.#host, performance.now() + timeoutMs, async () => {
      found = await this.unsettled()
      expectAlive()
      return found.length === 0
    })
    if (!isSettled) throw new SettledTimeoutError(timeoutMs, found.map(describeUnsettled))
  }

  health(): { readonly status: 'up' | 'down'; readonly reasons: readonly string[] } {
    const reasons = this.#failures.map(({ component, error }) => `'${component}' died: ${error.message}`)
    if (this.#host.blockedBy !== undefined) reasons.push(this.#host.blockedBy)
    if (this.#state !== 'started') reasons.unshift(`the app is ${this.#state === 'new' ? 'not started' : this.#state}`)
    return { status: reasons.length === 0 ? 'up' : 'down', reasons }
  }

  status(): Promise<AppStatus> {
    const { openedLog: log, relays, clock } = this.#host
    const attachments = [...this.#attachments.values()]
    const deadLetters = this.#deadLetterCounts
    const { appName: app } = this.#settings
    const [state, health] = [this.#state, this.health()]
    return readStatus({ app, state, health, at: clock.now(), log, attachments, relays, deadLetters })
  }

  describe(): string {
    const guarantees = [...this.#attachments.values()].flatMap((attachment) => attachment.guarantees)
    return describeGuarantees(this.#settings.appName, this.#settings.url, guarantees)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }

  /** For `testApp`: everything that is not settled at this moment. */
  async unsettled(): Promise<readonly Unsettled[]> {
    const relays = (await Promise.allSettled(this.#host.relays)).flatMap((relay) =>
      relay.status === 'fulfilled' ? [relay.value] : [],
    )
    return findUnsettled(this.#host, () => [...this.#attachments.values(), ...relays])
  }
  /** For `testApp`: as `waitUntil`. */
  waitUntil(deadlineMs: number, done: () => Promise<boolean>): Promise<boolean> {
    return waitUntil(this.#host, deadlineMs, done)
  }

  /** All of them or none. */
  #attachAll(components: readonly AnyComponent[]): readonly Attachment[] {
    const before = new Set(this.#attachments.keys())
    try {
      return components.map((component) => this.#attach(component))
    } catch (error) {
      for (const component of [...this.#attachments.keys()].filter((each) => !before.has(each))) this.#detach(component)
      throw error
    }
  }
  #detach(component: AnyComponent): void {
    for (const { name } of this.#attachments.get(component)!.definitions) {
      if (this.#workers.get(name) === component.name) this.#workers.delete(name)
    }
    this.#attachments.delete(component)
    this.#byName.delete(nameSpace(component))
  }

  #attach(component: AnyComponent): Attachment {
    const attach = (component as Partial<AttachableComponent> | null)?.['~attach']
    if (attach === undefined) throw new NotAComponentError(component)
    const known = this.#attachments.get(component)
    if (known !== undefined && component.kind === 'database') return known
    const namesake = this.#byName.get(nameSpace(component))
    if (namesake !== undefined) throw new DuplicateComponentError(component.name, [namesake.kind, component.kind])
    const attachment = attach(this.#host)
    for (const { kind, name } of attachment.definitions) {
      const worker = this.#workers.get(name)
      if (kind === 'queue' && worker !== undefined) throw new QueueTakenError(name, [worker, component.name])
    }
    for (const definition of attachment.definitions) {
      this.#host.topics.define(definition)
      if (definition.kind === 'queue') this.#workers.set(definition.name, component.name)
    }
    this.#byName.set(nameSpace(component), component)
    for (const database of attachment.databases ?? []) if (!this.#attachments.has(database)) this.#attach(database)
    this.#attachments.set(component, attachment)
    return attachment
  }

  #attachmentOf(component: AnyComponent): Attachment {
    const attachment = this.#attachments.get(component)
    if (attachment === undefined) throw new NotInAppError(component.name, this.#settings.appName)
    return attachment
  }

  async #startAll(): Promise<void> {
    const all = [...this.#attachments]
    try {
      await this.#host.log()
      const databases = all.filter(([, { home }]) => home !== undefined)
      for (const [database, attachment] of databases) {
        await attachment.start()
        await this.#host.home(database)
      }
      // Together, so that all clashes are reported together.
      await this.#host.ensure(all.flatMap(([, { definitions }]) => definitions))
      await Promise.all(all.filter(([, { home }]) => home === undefined).map(([, attachment]) => attachment.start()))
      this.#throwIfFailed()
      this.#expectState('start', ['starting'])
      this.#state = 'started'
      this.#settings.logger.info(this.describe())
    } catch (error) {
      await this.stop().catch((failure) => this.#settings.logger.warn('and the stop failed', { error: failure }))
      throw toError(error)
    }
  }

  async #stopAll(deadlineMs: number): Promise<void> {
    this.#state = 'stopping'
    const attachments = [...this.#attachments.values()]
    // Each step whatever became of the one before it: a database that cannot be closed must not keep the log's lock.
    const steps = [
      () => finishAll(attachments.map((attachment) => attachment.stop(deadlineMs))),
      () => this.#host.stopRelays(),
      () => finishAll(attachments.map((attachment) => attachment.close?.())),
      () => this.#host.closeLog(),
    ]
    const errors: unknown[] = []
    for (const step of steps) await step().catch((error: unknown) => errors.push(error))
    clearInterval(this.#keepAlive)
    this.#state = 'stopped'
    if (errors.length > 0) throw toError(errors[0])
  }

  #fail(component: AnyComponent, error: Error): void {
    this.#failures.push({ component: component.name, error })
    this.#settings.logger.error(`'${component.name}' died: ${error.message}`, { error })
    this.#failed.resolve()
  }
  #throwIfFailed(): void {
    if (this.#failures.length > 0) throw new ComponentFailedError(this.#failures)
  }
  #expectState(call: string, allowed: readonly string[]): void {
    if (!allowed.includes(this.#state)) {
      throw new AppStateError(this.#settings.appName, call, this.#state === 'new' ? 'not started' : this.#state)
    }
  }
  #expectOutside(call: string): void {
    if (handlerScope.getStore() === this.#host) throw new PublishInHandlerError(call)
    this.#expectState(call, ['new', 'starting', 'started', 'stopping'])
  }
}

/** Waits for all of them, then throws what the first that failed threw. */
async function finishAll(all: readonly (Promise<void> | undefined)[]): Promise<void> {
  for (const result of await Promise.allSettled(all)) if (result.status === 'rejected') throw result.reason
}

/** A database has no group: its name may be that of the service that owns it. */
function nameSpace({ kind, name }: AnyComponent): string {
  return kind === 'database' ? `database ${name}` : name
}

function describeUnsettled({ what, dueMs }: Unsettled): string {
  return dueMs === undefined ? what : `${what}, due at ${new Date(dueMs).toISOString()}`
}
