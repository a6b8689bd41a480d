import { StorageUnavailableError, toError } from '../../core/errors.ts'
import { FencedError } from '../../log/errors.ts'
import type { Lease, Log, Member, TopicPartition } from '../../log/log.ts'
import type { Host, Unsettled } from '../attachment.ts'
import { CheckpointLogError, OutboxLogError, OutboxRewoundError } from '../errors.ts'
import { ownPrefix } from '../headers.ts'
import { diagnostics } from '../status/diagnostics.ts'
import { StorageRetry } from '../storage-retry.ts'
import type { DatabaseHome, OutboxRow } from './commit-home.ts'
import { KeylessRotation, Stager } from './stager.ts'

/** Carries the relays' offsets and no records: an offset needs a partition to stand beside. */
const cursorTopic = `${ownPrefix}outbox`
const cursor: TopicPartition = { topic: cursorTopic, partition: 0 }
const readBytes = 1 << 20
/** Published rows are removed when the relay is idle, or when there are so many. */
const mostPublishedRows = 5_000

/** How the relay of one database does. */
export interface RelayStatus {
  /** Where the database is. */
  readonly database: string
  readonly state: 'new' | 'running' | 'draining' | 'stopped' | 'failed'
  /** Messages that are committed in the database and not in the log; null where nobody can tell. */
  readonly pending: number | null
  /** Why it failed, or what it waits for: a log or a database that is locked or full. */
  readonly error: string | null
}

/**
 * Publishes what handlers left in a database's outbox, each message once, in the order of its numbers.
 *
 *     new → running → draining → stopped
 *              └── failed: the app is told why
 *
 * Of the processes that have the database, one relays at a time: who has the lease of the cursor's only partition, as the
 * member of a group. The others stand by. Who loses it, as a process that hung, commits nothing more.
 *
 * One log transaction holds the messages and the position after them, as the offset of group `outbox-<database id>`. A
 * crash before it publishes nothing, a crash after it finds the position and removes the rows unpublished. Rows are
 * published only when they are durable in the database: a power cut there must not leave a message without its rows.
 */
export class OutboxRelay {
  readonly #host: Host
  readonly #home: DatabaseHome
  readonly #log: Log
  readonly #group: string
  readonly #failed: (error: Error) => void
  readonly #rotation = new KeylessRotation()
  readonly #storage: StorageRetry
  #state: 'new' | 'running' | 'draining' | 'stopped' = 'new'
  #failure: Error | undefined
  /** This process relays; undefined while another one does. */
  #lease: Lease | undefined
  #member: Promise<Member> | undefined
  #hasJoined = false
  #published = 0
  #publishedRows = 0
  #mayHaveRows = true
  /** It waits for a commit: while it reads, rows may have been found that nobody else knows of. */
  #isIdle = false
  #wake: (() => void) | undefined
  #running: Promise<void> = Promise.resolve()
  #forgetListener: (() => void) | undefined

  constructor(options: {
    readonly host: Host
    readonly home: DatabaseHome
    readonly log: Log
    readonly failed: (error: Error) => void
  }) {
    this.#host = options.host
    this.#home = options.home
    this.#log = options.log
    this.#failed = options.failed
    this.#group = `outbox-${options.home.databaseId}`
    const { logger, random } = options.host
    const goesOn = () => this.#state === 'running'
    this.#storage = new StorageRetry({ logger, random, who: `the outbox of ${options.home.location}`, goesOn })
  }

  /** Finds where it stopped. Throws `OutboxRewoundError`, and `OutboxLogError` for the outbox of another log. */
  async start(): Promise<void> {
    const [topic] = await this.#log.ensureTopics([{ name: cursorTopic, partitions: 1, exact: false }])
    await this.#claim(topic!.id)
    await this.#findPosition()
    this.#state = 'running'
    this.#member = this.#log.join({
      group: this.#group,
      topics: [cursorTopic],
      listener: {
        assigned: ([lease]) => this.#begin(lease!),
        revoked: () => this.#end(),
        lost: () => void this.#end(),
        failed: (error) => this.#fail(error),
      },
    })
    try {
      await this.#member
      this.#hasJoined = true
    } catch (error) {
      this.#state = 'stopped'
      throw error
    }
  }

  async #findPosition(): Promise<void> {
    this.#published = await this.#readPublished()
    const last = await this.#home.outbox.lastNumber()
    if (last >= this.#published) return
    const { location, databaseId } = this.#home
    throw new OutboxRewoundError({ location, databaseId, published: this.#published, last })
  }
  async #readPublished(): Promise<number> {
    const [committed] = await this.#log.committed(this.#group, [cursor])
    return (committed?.position ?? 1) - 1
  }

  /** From now on this process relays. */
  async #begin(lease: Lease): Promise<void> {
    // Lost and got again while a read or a commit of the tenure before is under way: its outcome is no news of this one.
    await this.#running
    // The first time `start` tells that the storage is away.
    const again = (work: () => Promise<void>) => (this.#hasJoined ? this.#storage.run(work) : work())
    await again(() => this.#findPosition())
    await again(() => this.#home.outbox.remove(this.#published))
    this.#publishedRows = 0
    this.#mayHaveRows = true
    this.#forgetListener = this.#home.outbox.onCommitted(() => {
      this.#mayHaveRows = true
      this.#wake?.()
    })
    this.#lease = lease
    this.#running = this.#run(lease)
  }

  /** Somebody else relays. Resolves when what was begun is finished. */
  async #end(): Promise<void> {
    this.#lease = undefined
    this.#forgetListener?.()
    this.#wake?.()
    await this.#running
  }

  /** An outbox belongs to one log: two logs would both publish its messages, or either some of them. */
  async #claim(topicId: string): Promise<void> {
    const { id: logId, location: log } = this.#log
    try {
      await this.#home.claim({ ...cursor, group: this.#group, logId, topicId })
    } catch (error) {
      if (!(error instanceof CheckpointLogError)) throw error
      throw new OutboxLogError({ database: this.#home.location, log, logId }, error)
    }
  }

  /** Publishes all that is committed, unless another process does; then stops. One that cannot publish stops at once. */
  async stop(): Promise<void> {
    if (this.#state === 'running') {
      this.#state = 'draining'
      this.#mayHaveRows = true
      this.#wake?.()
    }
    await this.#running
    // What did not join has nothing to leave.
    await this.#member?.then((member) => member.leave()).catch(() => {})
    this.#state = 'stopped'
  }

  /** What is committed in the database and not in the log yet, and whether that goes on. Counts rows. */
  async status(): Promise<RelayStatus> {
    // As a failed relay, a closed one does not publish: its database may be closed too.
    const pending = this.#state === 'new' || this.#state === 'stopped' ? null : await this.#countPending()
    return {
      database: this.#home.location,
      state: this.#failure === undefined ? this.#state : 'failed',
      pending,
      error: this.#failure?.message ?? this.#storage.reason ?? null,
    }
  }
  async #countPending(): Promise<number | null> {
    try {
      const published = this.#lease === undefined ? await this.#readPublished() : this.#published
      return await this.#home.outbox.count(published)
    } catch {
      return null
    }
  }

  async unsettled(): Promise<readonly Unsettled[]> {
    if (this.#state !== 'running') return []
    const busy = this.#lease === undefined ? await this.#countPending() : this.#mayHaveRows || !this.#isIdle
    return busy ? [{ what: `the outbox of ${this.#home.location} has messages to publish` }] : []
  }

  async #run(lease: Lease): Promise<void> {
    try {
      while (this.#lease === lease) {
        // Cleared before the read: a commit during it sets it again, and its rows are read in the next round.
        this.#mayHaveRows = false
        const rows = await this.#again(lease, () => this.#home.outbox.read(this.#published, readBytes))
        if (rows.length > 0) {
          this.#mayHaveRows = true
          await this.#again(lease, () => this.#publish(rows, lease))
          if (this.#publishedRows < mostPublishedRows) continue
        }
        await this.#again(lease, () => this.#removePublished())
        if (this.#mayHaveRows) continue
        this.#isIdle = true
        this.#host.progressed()
        if (this.#state === 'draining') return
        await new Promise<void>((resolve) => {
          this.#wake = resolve
          if (this.#mayHaveRows || this.#lease !== lease) resolve()
        })
        this.#wake = undefined
        this.#isIdle = false
      }
    } catch (error) {
      // Another process relays now: nothing of it was written.
      if (error instanceof FencedError) this.#lease = undefined
      else if (this.#lease === lease || !(error instanceof StorageUnavailableError)) this.#fail(toError(error))
    }
  }

  /** As often as it takes while the storage is away, unless somebody else relays meanwhile. */
  #again<T>(lease: Lease, work: () => Promise<T>): Promise<T> {
    return this.#storage.run(work, () => this.#state === 'running' && this.#lease === lease)
  }

  #fail(error: Error): void {
    if (this.#failure !== undefined || this.#state === 'stopped') return
    this.#state = 'stopped'
    this.#failure = error
    this.#lease = undefined
    this.#forgetListener?.()
    this.#wake?.()
    this.#failed(error)
  }

  async #publish(rows: readonly OutboxRow[], { epoch }: Lease): Promise<void> {
    const startMs = performance.now()
    await this.#home.durable()
    await this.#meetTopics(rows)
    const stager = new Stager(this.#host.knownTopic, this.#rotation)
    for (const { message } of rows) stager.add(message)
    this.#rotation.endUnit()
    const last = rows.at(-1)!.number
    const offset = { ...cursor, epoch, position: last + 1, metadata: this.#home.databaseId }
    const member = await this.#member!
    await this.#log.commit({ batches: stager.take(), offsets: { group: this.#group, member, offsets: [offset] } })
    this.#published = last
    this.#publishedRows += rows.length
    this.#host.progressed()
    if (diagnostics.relayed.hasSubscribers) {
      const durationMs = performance.now() - startMs
      diagnostics.relayed.publish({ database: this.#home.location, messages: rows.length, durationMs })
    }
  }

  async #removePublished(): Promise<void> {
    if (this.#publishedRows === 0) return
    await this.#home.outbox.remove(this.#published)
    this.#publishedRows = 0
  }

  /** Rows of an earlier run may name topics that no component of this one has. */
  async #meetTopics(rows: readonly OutboxRow[]): Promise<void> {
    const unknown = new Set(rows.map(({ message }) => message.topic).filter((name) => !this.#host.knownTopic(name)))
    if (unknown.size > 0) await this.#host.meetTopics([...unknown])
  }
}
