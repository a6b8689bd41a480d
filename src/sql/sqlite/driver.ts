import {
  type CompiledQuery,
  type DatabaseConnection,
  type DatabaseIntrospector,
  type Dialect,
  type DialectAdapter,
  type Driver,
  Kysely,
  type QueryCompiler,
  type QueryResult,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
  Transaction,
} from 'kysely'
import { TransactionEndedError } from '../errors.ts'
import type { StatementResult } from './connection.ts'
import { onlyReads, refuseTransactionControl } from './statement-text.ts'
import type { WriteTransaction } from './transaction.ts'

/** What a Kysely handle stands on. */
export interface HandleTarget {
  /** Resolves when statements may run. */
  ready(): Promise<void>
  /** Throws `OuterHandleError` inside a handler that has a transaction on the same database. */
  refuseInHandler(): void
  begin(): WriteTransaction
  read(sql: string, parameters: readonly unknown[]): Promise<StatementResult>
  write(sql: string, parameters: readonly unknown[], signal: AbortSignal | undefined): Promise<StatementResult>
}

interface ExecuteOptions {
  readonly signal?: AbortSignal
}

abstract class BufferedConnection implements DatabaseConnection {
  abstract executeQuery<R>(query: CompiledQuery, options?: ExecuteOptions): Promise<QueryResult<R>>

  /** All rows are read at once and handed out in chunks: a statement left open would hold back every checkpoint. */
  async *streamQuery<R>(
    query: CompiledQuery,
    chunkSize: number,
    options?: ExecuteOptions,
  ): AsyncGenerator<QueryResult<R>> {
    const { rows } = await this.executeQuery<R>(query, options)
    for (let at = 0; at < rows.length; at += chunkSize) yield { rows: rows.slice(at, at + chunkSize) }
  }
}

/**
 * A connection as Kysely's handle sees it: statements by themselves, and between `begin` and the end of a transaction
 * inside it. Not a connection of SQLite's: those are shared.
 */
class HandleConnection extends BufferedConnection {
  readonly #target: HandleTarget
  #transaction: WriteTransaction | undefined
  #released = false

  constructor(target: HandleTarget) {
    super()
    this.#target = target
  }

  async executeQuery<R>(query: CompiledQuery, options?: ExecuteOptions): Promise<QueryResult<R>> {
    return toQueryResult(await this.#execute(query, options?.signal))
  }

  /** Runs a statement that Kysely has no query for. */
  async raw(sql: string): Promise<void> {
    await this.#transaction?.execute(sql, [])
  }

  begin(): void {
    this.#target.refuseInHandler()
    this.#transaction = this.#target.begin()
  }

  /** When it fails the transaction stays, ended, so that a statement still on its way to it does not run by itself. */
  async commit(): Promise<void> {
    await this.#transaction?.commitIfUsed()
    this.#transaction = undefined
  }

  rollback(): void {
    this.#transaction?.rollback()
  }

  /** What Kysely forgot to end is undone. */
  release(): void {
    this.#released = true
    this.#transaction?.rollback()
  }

  #execute({ sql, parameters, query }: CompiledQuery, signal: AbortSignal | undefined): Promise<StatementResult> {
    if (this.#transaction !== undefined) return this.#transaction.execute(sql, parameters)
    if (this.#released) throw new TransactionEndedError('has ended')
    this.#target.refuseInHandler()
    refuseTransactionControl(sql, false)
    if (query.kind === 'SelectQueryNode' || onlyReads(sql)) return this.#target.read(sql, parameters)
    return this.#target.write(sql, parameters, signal)
  }
}

/** The connection of one transaction of a handler. */
class TransactionConnection extends BufferedConnection {
  readonly #transaction: WriteTransaction
  constructor(transaction: WriteTransaction) {
    super()
    this.#transaction = transaction
  }
  async executeQuery<R>({ sql, parameters }: CompiledQuery): Promise<QueryResult<R>> {
    return toQueryResult(await this.#transaction.execute(sql, parameters))
  }
}

class HandleDriver implements Driver {
  readonly #target: HandleTarget
  constructor(target: HandleTarget) {
    this.#target = target
  }

  init(): Promise<void> {
    return this.#target.ready()
  }
  async acquireConnection(): Promise<HandleConnection> {
    return new HandleConnection(this.#target)
  }
  async beginTransaction(connection: HandleConnection): Promise<void> {
    connection.begin()
  }
  commitTransaction(connection: HandleConnection): Promise<void> {
    return connection.commit()
  }
  async rollbackTransaction(connection: HandleConnection): Promise<void> {
    connection.rollback()
  }
  savepoint(connection: HandleConnection, name: string): Promise<void> {
    return connection.raw(`savepoint ${quoted(name)}`)
  }
  rollbackToSavepoint(connection: HandleConnection, name: string): Promise<void> {
    return connection.raw(`rollback to ${quoted(name)}`)
  }
  releaseSavepoint(connection: HandleConnection, name: string): Promise<void> {
    return connection.raw(`release ${quoted(name)}`)
  }
  async releaseConnection(connection: HandleConnection): Promise<void> {
    connection.release()
  }
  /** The app closes its databases; a handle is only a view of one. */
  async destroy(): Promise<void> {}
}

class HandleAdapter extends SqliteAdapter {
  /** Connections here are views; without this Kysely would let one statement run at a time, reads too. */
  override get supportsMultipleConnections(): boolean {
    return true
  }
  /** So that the migrations of one start are one transaction. */
  override get supportsTransactionalDdl(): boolean {
    return true
  }
}

class HandleDialect implements Dialect {
  readonly #target: HandleTarget
  constructor(target: HandleTarget) {
    this.#target = target
  }
  createDriver(): Driver {
    return new HandleDriver(this.#target)
  }
  createQueryCompiler(): QueryCompiler {
    return new SqliteQueryCompiler()
  }
  createAdapter(): DialectAdapter {
    return new HandleAdapter()
  }
  createIntrospector(db: Kysely<unknown>): DatabaseIntrospector {
    return new SqliteIntrospector(db)
  }
}

/** Kysely on a database. */
export function createHandle<Tables>(target: HandleTarget): Kysely<Tables> {
  return new Kysely<Tables>({ dialect: new HandleDialect(target) })
}

/** Makes the `tx` of handlers: Kysely's transaction, whose statements run in one of ours. */
export class TransactionHandles {
  readonly #dialect: Dialect
  readonly #driver: Driver
  readonly #kysely: Kysely<unknown>

  constructor(target: HandleTarget) {
    this.#dialect = new HandleDialect(target)
    this.#driver = this.#dialect.createDriver()
    this.#kysely = new Kysely<unknown>({ dialect: this.#dialect })
  }

  create(transaction: WriteTransaction): Transaction<unknown> {
    const connection = new TransactionConnection(transaction)
    return new Transaction<unknown>({
      config: { dialect: this.#dialect },
      dialect: this.#dialect,
      driver: this.#driver,
      executor: this.#kysely.getExecutor().withConnectionProvider({
        provideConnection: (consumer) => consumer(connection),
      }),
    })
  }
}

function toQueryResult<R>({ rows, changes, insertId }: StatementResult): QueryResult<R> {
  return { rows: rows as R[], numAffectedRows: changes, insertId }
}

function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}
