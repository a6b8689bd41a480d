import type { Clock } from '../core/clock.ts'
import type { AnyComponent, HandleOf } from '../core/component.ts'
import type { NewId } from '../core/ids.ts'
import type { Logger } from '../core/logger.ts'
import type { Log, Topic } from '../log/log.ts'
import type { Attachment, Host } from '../runtime/attachment.ts'
import type { DatabaseHome } from '../runtime/commit/commit-home.ts'
import { OutboxRelay } from '../runtime/commit/outbox-relay.ts'
import type { Middleware } from '../runtime/context.ts'
import type { AnyDefinition } from '../topics/types.ts'
import { type CleaningPace, openLog } from './open-log.ts'
import { TopicRegistry } from './topic-registry.ts'

/** What an app tells its host. */
export interface HostOptions {
  readonly appName: string
  readonly url: string
  /** The environment variable that `url` is from. */
  readonly urlVariable?: string | undefined
  /** For tests: see `OpenLogOptions`. */
  readonly offsetGap?: number | undefined
  readonly cleaning?: CleaningPace | undefined
  readonly databaseUrl: string
  readonly logger: Logger
  readonly clock: Clock
  readonly newId: NewId
  readonly random: () => number
  readonly longestWaitInMemoryMs: number
  readonly drainTimeoutMs: number
  readonly attachmentOf: (component: AnyComponent) => Attachment
  readonly failed: (component: AnyComponent, error: Error) => void
}

/** What one app gives to its components: its log, its topics, its databases with a relay each. */
export class AppHost implements Host {
  readonly appName: string
  readonly databaseUrl: string
  readonly logger: Logger
  readonly clock: Clock
  readonly newId: NewId
  readonly random: () => number
  readonly longestWaitInMemoryMs: number
  readonly drainTimeoutMs: number
  readonly middleware: Middleware[] = []
  readonly failed: (component: AnyComponent, error: Error) => void
  /** Rises with whatever may bring the app nearer to being settled. */
  progress = 0
  /** What its topics and queues mean, and what the log has of them. */
  readonly topics: TopicRegistry
  readonly #options: HostOptions
  readonly #homes = new Map<AnyComponent, Promise<DatabaseHome>>()
  readonly #relays = new Map<DatabaseHome, Promise<OutboxRelay>>()
  readonly #waiting = new Set<() => void>()
  #log: Promise<Log> | undefined
  #opened: Log | undefined

  constructor(options: HostOptions) {
    this.#options = options
    this.appName = options.appName
    this.databaseUrl = options.databaseUrl
    this.logger = options.logger
    this.clock = options.clock
    this.newId = options.newId
    this.random = options.random
    this.longestWaitInMemoryMs = options.longestWaitInMemoryMs
    this.drainTimeoutMs = options.drainTimeoutMs
    this.failed = options.failed
    this.topics = new TopicRegistry({ log: () => this.log(), logger: options.logger })
  }

  log(): Promise<Log> {
    this.#log ??= this.#openLog().catch((error) => {
      this.#log = undefined
      throw error
    })
    return this.#log
  }

  /** Undefined before it is asked for. */
  get openedLog(): Promise<Log> | undefined {
    return this.#log
  }

  get relays(): Iterable<Promise<OutboxRelay>> {
    return this.#relays.values()
  }

  readonly knownTopic = (name: string): Topic | undefined => this.topics.known(name)
  takesOutputs(definition: AnyDefinition): boolean {
    return this.topics.takesOutputs(definition)
  }
  ensure(definitions: Iterable<AnyDefinition>): Promise<void> {
    return this.topics.ensure(definitions)
  }
  ensureOutputs(definitions: Iterable<AnyDefinition>): Promise<void> {
    return this.topics.ensureOutputs(definitions)
  }
  ensureInternal(topic: { readonly name: string; readonly partitions: number }): Promise<void> {
    return this.topics.ensureInternal(topic)
  }
  meetTopics(names: readonly string[]): Promise<void> {
    return this.topics.meet(names)
  }

  readonly get = <C extends AnyComponent>(component: C): HandleOf<C> => {
    return this.#options.attachmentOf(component).handle as HandleOf<C>
  }

  home(database: AnyComponent): Promise<DatabaseHome> {
    let home = this.#homes.get(database)
    if (home === undefined) {
      home = this.#openHome(database).catch((error) => {
        this.#homes.delete(database)
        throw error
      })
      this.#homes.set(database, home)
    }
    return home
  }

  progressed(): void {
    this.progress++
    if (this.#waiting.size === 0) return
    const waiting = [...this.#waiting]
    this.#waiting.clear()
    for (const wake of waiting) wake()
  }
  /** Resolves at the next progress, and after `atMostMs` at the latest: another process may have made some. */
  nextProgress(atMostMs: number): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        clearTimeout(timer)
        this.#waiting.delete(wake)
        resolve()
      }
      const timer = setTimeout(wake, atMostMs)
      this.#waiting.add(wake)
    })
  }

  /** Publishes what is committed, then ends the relays. */
  async stopRelays(): Promise<void> {
    const relays = await Promise.allSettled(this.#relays.values())
    await Promise.all(relays.map((relay) => (relay.status === 'fulfilled' ? relay.value.stop() : undefined)))
  }
  async closeLog(): Promise<void> {
    const log = await this.#log?.catch(() => undefined)
    await log?.close()
  }

  /** Why the log takes nothing for the moment, for people. */
  get blockedBy(): string | undefined {
    return this.#opened?.blockedBy
  }

  async #openLog(): Promise<Log> {
    const { url, logger, urlVariable: variable, offsetGap, cleaning } = this.#options
    this.#opened = await openLog(url, { logger, variable, offsetGap, cleaning })
    return this.#opened
  }

  async #openHome(database: AnyComponent): Promise<DatabaseHome> {
    const home = await this.#options.attachmentOf(database).home!()
    // Databases that share a file share their outbox: one relay for both.
    let relay = this.#relays.get(home)
    if (relay === undefined) {
      relay = this.#startRelay(database, home).catch((error) => {
        this.#relays.delete(home)
        throw error
      })
      this.#relays.set(home, relay)
    }
    await relay
    return home
  }

  async #startRelay(database: AnyComponent, home: DatabaseHome): Promise<OutboxRelay> {
    const log = await this.log()
    const relay = new OutboxRelay({ host: this, home, log, failed: (error) => this.failed(database, error) })
    await relay.start()
    return relay
  }
}
