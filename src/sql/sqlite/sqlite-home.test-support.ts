/** For the tests of this room: databases in memory or in a fresh folder, with time by hand and faults on demand. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Kysely, Transaction } from 'kysely'
import type { Logger } from '../../core/logger.ts'
import { ManualClock } from '../../core/manual-clock.ts'
import type { HomeTransaction } from '../../runtime/commit/commit-home.ts'
import type { OutputMessage } from '../../runtime/commit/output.ts'
import { type Connection, type Row, SqliteConnection, type StatementResult } from './connection.ts'
import type { SqliteHome } from './home.ts'
import { canonicalPath, openHome } from './open.ts'
import type { Timing } from './timing.ts'

/** The one table of a test database. */
export interface TestTables {
  items: { id: number; name: string | null }
}

/** An error as SQLite throws it. */
export function sqliteError(errcode: number, message: string): Error {
  return Object.assign(new Error(message), { code: 'ERR_SQLITE_ERROR', errcode })
}

/** A connection that throws at chosen statements instead of running them. */
export class FaultyConnection implements Connection {
  readonly #inner: Connection
  /** Called with each statement before it runs; what it throws is thrown. */
  before: (sql: string) => void = () => {}

  constructor(inner: Connection) {
    this.#inner = inner
  }
  get inTransaction(): boolean {
    return this.#inner.inTransaction
  }
  execute(sql: string, parameters?: readonly unknown[]): StatementResult {
    this.before(sql)
    return this.#inner.execute(sql, parameters)
  }
  iterate(sql: string, parameters: readonly unknown[], visit: (row: Row) => boolean): void {
    this.before(sql)
    this.#inner.iterate(sql, parameters, visit)
  }
  close(): void {
    this.#inner.close()
  }
}

/** Collects warnings and errors. */
export class ListLogger implements Logger {
  readonly warnings: string[] = []
  debug(): void {}
  info(): void {}
  warn(message: string): void {
    this.warnings.push(message)
  }
  error(message: string): void {
    this.warnings.push(message)
  }
}

/** A clock by hand; what measures and what pauses move their own time. */
export class ManualTiming implements Timing {
  readonly clock = new ManualClock()
  measuredMs = 1
  pauses = 0
  readonly elapsedMs = (): number => this.measuredMs
  readonly pause = async (delayMs: number): Promise<void> => {
    this.pauses++
    this.measuredMs += delayMs
    await new Promise<void>((resolve) => setImmediate(resolve))
  }
  readonly random = (): number => 0.5
}

/** A database opened for a test; disposing closes it. */
export interface TestHome extends AsyncDisposable {
  readonly home: SqliteHome
  readonly db: Kysely<TestTables>
  readonly timing: ManualTiming
  readonly logger: ListLogger
  /** The connection that writes. */
  readonly writer: FaultyConnection
}

/** Opens a database with a table `items`: in memory, or at `path`. */
export async function openTestHome(options: { path?: string; lockTimeoutMs?: number } = {}): Promise<TestHome> {
  const { path, lockTimeoutMs } = options
  const timing = new ManualTiming()
  const logger = new ListLogger()
  const made: { writer?: FaultyConnection } = {}
  const home = await openHome({
    place: path === undefined ? { kind: 'memory' } : { kind: 'file', path: canonicalPath(path) },
    timing,
    logger,
    newId: () => 'database-1',
    ...(lockTimeoutMs === undefined ? {} : { lockTimeoutMs }),
    connect: (at, { readOnly }) => {
      const connection = new FaultyConnection(new SqliteConnection(at, { readOnly }))
      if (!readOnly) made.writer = connection
      return connection
    },
  })
  home.allowTransactionsOf(30_000)
  const db = home.createHandle<TestTables>({ who: "database 'test'", timeoutMs: 30_000 })
  await db.schema
    .createTable('items')
    .ifNotExists()
    .addColumn('id', 'integer', (column) => column.primaryKey())
    .addColumn('name', 'text')
    .execute()
  return { home, db, timing, logger, writer: made.writer!, [Symbol.asyncDispose]: () => home.close() }
}

/** A fresh folder, removed at the end of the test. */
export function temporaryFolder(): { readonly path: (name: string) => string } & Disposable {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-sql-'))
  return {
    path: (name) => join(folder, name),
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  }
}

/** The `tx` of a handler. */
export function txOf(transaction: HomeTransaction): Transaction<TestTables> {
  return (transaction.context as { readonly tx: Transaction<TestTables> }).tx
}

/** A message for the topic `events`; `fields` replace its parts. */
export function message(value: string, fields: Partial<OutputMessage> = {}): OutputMessage {
  return { topic: 'events', key: 'k', value, headers: [], timestampMs: 1_700_000_000_000, ...fields }
}

/** A checkpoint for tests that need just one. */
export const checkpointKey = { group: 'payments', logId: 'log-1', topic: 'orders', topicId: 'topic-1', partition: 0 }
