import { AsyncLocalStorage } from 'node:async_hooks'
import type { Kysely } from 'kysely'
import type { Logger } from '../../core/logger.ts'
import type {
  Checkpoint,
  CheckpointKey,
  DatabaseHome,
  HomeTransaction,
  StoreReadRange,
} from '../../runtime/commit/commit-home.ts'
import { DatabaseClosedError, OuterHandleError } from '../errors.ts'
import { claimCheckpoint } from './checkpoints.ts'
import type { Connection } from './connection.ts'
import { createHandle, type HandleTarget, TransactionHandles } from './driver.ts'
import type { Durability } from './durability.ts'
import { SqliteHomeTransaction } from './home-transaction.ts'
import { retryWhileLocked } from './locked.ts'
import { SqliteOutbox } from './outbox.ts'
import { readStore } from './stores.ts'
import type { Timing } from './timing.ts'
import { WriteTransaction } from './transaction.ts'
import type { Writer } from './writer.ts'

/** A handler's transaction and those of the handlers around it, in this asynchronous context. */
interface Scope {
  readonly home: SqliteHome
  readonly transaction: WriteTransaction
  readonly around: Scope | undefined
}
const scopes = new AsyncLocalStorage<Scope | undefined>()

/** An open database, as `openHome` makes it. */
export interface OpenDatabase {
  readonly databaseId: string
  readonly location: string
  readonly writer: Writer
  /** A second connection for reads, so that they do not wait for the writer; memory has none. */
  readonly reader: Connection | undefined
  readonly durability: Durability
  readonly timing: Timing
  readonly logger: Logger
  readonly lockTimeoutMs: number
}

const longHeldMs = 100

/**
 * One SQLite database of an app, however many components stand on it: one writer, one reader, one outbox.
 * Writers take turns; reads outside of a transaction see what is committed and wait for nobody (in memory, for the writer).
 */
export class SqliteHome implements DatabaseHome {
  readonly databaseId: string
  readonly location: string
  readonly outbox: SqliteOutbox
  readonly #open: OpenDatabase
  readonly #handles: TransactionHandles
  /** Who was warned about already. */
  readonly #warned = new Set<string>()
  #timeoutMs: number | undefined
  #closed: Promise<void> | undefined

  constructor(open: OpenDatabase) {
    this.#open = open
    this.databaseId = open.databaseId
    this.location = open.location
    this.outbox = new SqliteOutbox({
      durability: open.durability,
      read: (work) => this.#read(work),
      write: (work) => open.writer.alone(work),
      foreignVersion: () => this.#foreignVersion(),
    })
    open.durability.committed() // what an earlier process left in the log was perhaps not synced
    this.#handles = new TransactionHandles(this.target({ who: open.location, timeoutMs: undefined }))
  }

  get blockedBy(): string | undefined {
    return this.#open.writer.blockedBy
  }

  /** Handlers' transactions may be open for this long; of several components' deadlines the longest counts. */
  allowTransactionsOf(timeoutMs: number): void {
    this.#timeoutMs = Math.max(this.#timeoutMs ?? 0, timeoutMs)
  }

  /** Kysely for outside of handlers. `timeoutMs` is for `db.transaction()`; undefined for none. */
  createHandle<Tables>(options: { readonly who: string; readonly timeoutMs: number | undefined }): Kysely<Tables> {
    return createHandle<Tables>(this.target(options))
  }

  async claim(key: CheckpointKey): Promise<Checkpoint> {
    let claimed: Checkpoint | undefined
    const transaction = this.#begin(key.group, this.#timeoutMs)
    await transaction.commit(
      (connection) => claimCheckpoint(connection, key),
      (checkpoint) => {
        claimed = checkpoint
      },
    )
    return claimed!
  }

  readStore(key: CheckpointKey, range: StoreReadRange): Promise<readonly (readonly [Uint8Array, Uint8Array])[]> {
    return this.#read((connection) => readStore(connection, key, range))
  }

  /** `component` is named in warnings. Throws `OuterHandleError` inside a handler that has a transaction here. */
  begin(component?: string): HomeTransaction {
    this.refuseInHandler()
    const transaction = this.#begin(component ?? `a handler on ${this.location}`, this.#timeoutMs)
    return new SqliteHomeTransaction({
      transaction,
      context: { tx: this.#handles.create(transaction) },
      run: (work) => scopes.run({ home: this, transaction, around: scopes.getStore() }, work),
      committedOutbox: (number) => {
        this.#open.durability.committedOutbox(number)
        // What a listener starts does not belong to the handler.
        scopes.run(undefined, () => this.outbox.notify())
      },
    })
  }

  durable(): Promise<void> {
    return this.#open.durability.durable()
  }

  /** Rolls back what is open, makes durable what was committed, closes the file. Idempotent. */
  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  refuseInHandler(): void {
    for (let scope = scopes.getStore(); scope !== undefined; scope = scope.around) {
      if (scope.home === this && !scope.transaction.ended) throw new OuterHandleError(this.location)
    }
  }

  /** What a handle stands on. `timeoutMs` is for `db.transaction()`; undefined for none. */
  target(options: { readonly who: string; readonly timeoutMs: number | undefined }): HandleTarget {
    return {
      ready: async () => {},
      refuseInHandler: () => this.refuseInHandler(),
      begin: () => this.#begin(options.who, options.timeoutMs),
      read: (sql, parameters) => this.#read((connection) => connection.execute(sql, parameters)),
      write: (sql, parameters, signal) =>
        this.#open.writer.alone((connection) => {
          signal?.throwIfAborted()
          return connection.execute(sql, parameters)
        }),
    }
  }

  #begin(who: string, timeoutMs: number | undefined): WriteTransaction {
    return new WriteTransaction({ writer: this.#open.writer, who, timeoutMs, held: this.#warnWhenHeldLong })
  }

  async #read<T>(work: (connection: Connection) => T): Promise<T> {
    const { reader, writer } = this.#open
    if (reader === undefined) return writer.alone(work)
    const closed = () => (this.#closed === undefined ? undefined : new DatabaseClosedError(this.location))
    return retryWhileLocked(() => work(reader), { ...this.#open, closed })
  }

  /** On the writer's connection, which does not count its own commits; the same in a transaction, until it ends. */
  #foreignVersion(): unknown {
    const { reader, writer } = this.#open
    if (reader === undefined || this.#closed !== undefined) return undefined
    try {
      return writer.connection.execute('pragma data_version').rows[0]?.data_version
    } catch (error) {
      // Locked for a moment, or the disk fails, which whoever needs the database is told.
      return error
    }
  }

  readonly #warnWhenHeldLong = (who: string, heldMs: number): void => {
    if (heldMs <= longHeldMs || this.#warned.has(who)) return
    this.#warned.add(who)
    this.#open.logger.warn(
      `A transaction of ${who} held the write lock of ${this.location} for ${Math.round(heldMs)} ms: every other writer waited. Do slow work before its first statement. (Said once.)`,
    )
  }

  async #close(): Promise<void> {
    const { writer, reader, durability } = this.#open
    try {
      await durability.durable()
    } finally {
      reader?.close() // the last to close moves the log into the file, which a reader cannot
      writer.close(new DatabaseClosedError(this.location))
      await durability.close()
    }
  }
}
