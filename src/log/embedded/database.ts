/**
 * The part of `node:sqlite` that the log uses, as an interface: tests put one between that fails at a chosen statement.
 */
import { DatabaseSync, type SQLInputValue } from 'node:sqlite'
import {
  LogBusyError,
  LogDamagedError,
  LogFailedError,
  LogFullError,
  LogPathError,
  LogUnreadableError,
  NotALogError,
} from './errors.ts'

/** What SQLite stores. */
export type SqlValue = SQLInputValue
/** A prepared statement; its rows are arrays. */
export interface SqlStatement {
  run(...values: SqlValue[]): { readonly changes: number | bigint; readonly lastInsertRowid: number | bigint }
  get(...values: SqlValue[]): unknown
  all(...values: SqlValue[]): unknown[]
  /** To be ended in the turn it was begun in: an open one keeps the WAL from restarting. */
  iterate(...values: SqlValue[]): Iterable<unknown>
}
/** As much of a SQLite connection as the engine uses, so that tests can make each call fail. */
export interface SqlDatabase {
  readonly isTransaction: boolean
  exec(sql: string): void
  /** Rows are arrays of columns, in order. */
  prepare(sql: string): SqlStatement
  close(): void
}
/** Opens a SQLite file, or `:memory:`. */
export type OpenDatabase = (path: string) => SqlDatabase

/** Opens it with `node:sqlite`, waiting for no lock. */
export const openSqlite: OpenDatabase = (path) => {
  const database = new DatabaseSync(path, { timeout: 0, returnArrays: true })
  return {
    get isTransaction() {
      return database.isTransaction
    },
    exec: (sql) => database.exec(sql),
    prepare: (sql) => database.prepare(sql),
    close: () => database.close(),
  }
}

/** SQLite's primary result codes that mean something of their own here. */
const codes = {
  busy: 5,
  locked: 6,
  readOnly: 8,
  corrupt: 11,
  full: 13,
  cannotOpen: 14,
  protocol: 15,
  notADatabase: 26,
} as const
/** Somebody has what is needed: the lock, or SQLite's index of the write-ahead log while it is made anew. */
const busyCodes: ReadonlySet<number | undefined> = new Set([codes.busy, codes.locked, codes.protocol])

/** SQLite's primary result code of what was thrown, if it is of SQLite. */
function codeOf(thrown: unknown): number | undefined {
  if (!(thrown instanceof Error) || !('errcode' in thrown) || typeof thrown.errcode !== 'number') return undefined
  return thrown.errcode & 0xff
}

/** Somebody else holds a lock that a statement needed; nothing was done. */
export function isBusy(thrown: unknown): boolean {
  return busyCodes.has(codeOf(thrown))
}

/**
 * What a failed statement means for the log. `LogFullError` and `LogBusyError`: nothing was written and the log goes on.
 * Any other error of SQLite: it does not (`LogFailedError`, `LogDamagedError`). What is not of SQLite comes back as it is.
 */
export function toLogError(path: string, thrown: unknown): unknown {
  const code = codeOf(thrown)
  if (code === undefined) return thrown
  if (code === codes.full) return new LogFullError(path, thrown)
  if (busyCodes.has(code)) return new LogBusyError(path, thrown)
  if (code === codes.corrupt || code === codes.notADatabase) return new LogDamagedError(path, thrown)
  return new LogFailedError(path, thrown)
}

/** Runs `read`, which writes nothing; what SQLite throws comes out as the log's, and none of it ends the log. */
export function reading<T>(path: string, read: () => T): T {
  try {
    return read()
  } catch (thrown) {
    const error = toLogError(path, thrown)
    throw error instanceof LogFailedError || error instanceof LogFullError
      ? new LogUnreadableError(path, thrown)
      : error
  }
}

/** What a statement that failed while the log was being opened means. */
export function toOpenError(path: string, thrown: unknown): unknown {
  const code = codeOf(thrown)
  if (code === codes.notADatabase) return new NotALogError(path, 'it is no SQLite database', thrown)
  if (code === codes.cannotOpen) return new LogPathError(path, 'SQLite cannot open it', thrown)
  if (code === codes.readOnly) return new LogPathError(path, 'it, or its folder, may not be written', thrown)
  return toLogError(path, thrown)
}
