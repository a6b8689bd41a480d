/** SQLite of this process that fails at a chosen call, or stops the world there, whoever calls it. */
import { DatabaseSync, StatementSync } from 'node:sqlite'

/** What SQLite reports at the call, and what it has done by then. */
export interface Fault {
  readonly name: string
  /** SQLite's primary result code. */
  readonly resultCode: number
  /** `undone`: it has rolled the transaction back by itself. `done`: the call was carried out all the same. */
  readonly call: 'skipped' | 'undone' | 'done'
}

/** A call that was counted. */
export interface Call {
  readonly number: number
  readonly file: string
  readonly sql: string
}

const statementCalls = ['run', 'get', 'all', 'iterate'] as const

/**
 * Counts the calls that touch the files `log.db` and `app.db` while it is installed. `before` is told each; the fault that
 * it gives is what the caller gets.
 */
export class FaultySqlite implements Disposable {
  readonly #before: (call: Call) => Fault | undefined
  readonly #databases = new WeakMap<StatementSync, DatabaseSync>()
  readonly #restore: (() => void)[] = []
  #count = 0

  constructor(before: (call: Call) => Fault | undefined) {
    this.#before = before
    const faulty = this
    const { exec, prepare } = DatabaseSync.prototype
    this.#replace(DatabaseSync.prototype, 'exec', function (this: DatabaseSync, sql: string) {
      return faulty.#step(this, sql, () => exec.call(this, sql))
    })
    this.#replace(DatabaseSync.prototype, 'prepare', function (this: DatabaseSync, ...given: [string]) {
      const statement = prepare.apply(this, given)
      faulty.#databases.set(statement, this)
      return statement
    })
    for (const name of statementCalls) {
      const original = StatementSync.prototype[name] as (...values: unknown[]) => unknown
      this.#replace(StatementSync.prototype, name, function (this: StatementSync, ...values: unknown[]) {
        const database = faulty.#databases.get(this)
        const call = () => original.apply(this, values)
        return database === undefined ? call() : faulty.#step(database, this.sourceSQL, call)
      })
    }
  }

  [Symbol.dispose](): void {
    for (const restore of this.#restore) restore()
  }

  #replace<T extends object>(target: T, name: keyof T, replacement: unknown): void {
    const original = target[name]
    Object.assign(target, { [name]: replacement })
    this.#restore.push(() => Object.assign(target, { [name]: original }))
  }

  #step<R>(database: DatabaseSync, sql: string, work: () => R): R {
    const file = database.location() ?? ''
    if (!/(log|app)\.db$/.test(file)) return work()
    const fault = this.#before({ number: ++this.#count, file, sql })
    if (fault === undefined) return work()
    if (fault.call === 'done') work()
    if (fault.call === 'undone' && database.isTransaction) database.exec('ROLLBACK')
    throw Object.assign(new Error(`injected: ${fault.name}`), { code: 'ERR_SQLITE_ERROR', errcode: fault.resultCode })
  }
}
