/** SQLite that fails at a chosen statement, as it does when the disk does. */
import { type OpenDatabase, openSqlite, type SqlDatabase, type SqlStatement } from './database.ts'

/** What SQLite reports, and what it has done by then. */
export interface Fault {
  readonly name: string
  /** SQLite's primary result code. */
  readonly resultCode: number
  /** `undone`: it has rolled the transaction back by itself. `done`: the statement was carried out all the same. */
  readonly statement: 'skipped' | 'undone' | 'done'
}

/** Counts statements of the log's database, not of its lock, from `arm` on, and makes the n-th one fail. */
export class FaultySqlite {
  #count = 0
  #failAt = 0
  #fault: Fault | undefined

  /** Statements since `arm`. */
  get count(): number {
    return this.#count
  }
  /** The chosen statement was reached. */
  get failed(): boolean {
    return this.#failAt > 0 && this.#count >= this.#failAt
  }

  /** With a fault, statement `failAt` from now on, counted from 1, fails. */
  arm(fault?: Fault, failAt = 0): void {
    this.#count = 0
    this.#failAt = failAt
    this.#fault = fault
  }

  readonly open: OpenDatabase = (path) => {
    const database = openSqlite(path)
    return path.endsWith('.lock') ? database : this.#wrap(database)
  }

  #wrap(database: SqlDatabase): SqlDatabase {
    const step = <T>(work: () => T): T => this.#step(database, work)
    return {
      get isTransaction() {
        return database.isTransaction
      },
      exec: (sql) => step(() => database.exec(sql)),
      prepare: (sql) => wrapStatement(database.prepare(sql), step),
      close: () => database.close(),
    }
  }

  #step<T>(database: SqlDatabase, work: () => T): T {
    const fault = ++this.#count === this.#failAt ? this.#fault : undefined
    if (fault === undefined) return work()
    if (fault.statement === 'done') work()
    if (fault.statement === 'undone' && database.isTransaction) database.exec('ROLLBACK')
    throw Object.assign(new Error(`injected: ${fault.name}`), {
      code: 'ERR_SQLITE_ERROR',
      errcode: fault.resultCode,
    })
  }
}

function wrapStatement(statement: SqlStatement, step: <T>(work: () => T) => T): SqlStatement {
  return {
    run: (...values) => step(() => statement.run(...values)),
    get: (...values) => step(() => statement.get(...values)),
    all: (...values) => step(() => statement.all(...values)),
    iterate: (...values) => step(() => statement.iterate(...values)),
  }
}
