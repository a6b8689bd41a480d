import { DatabaseSync, type SQLOutputValue, type StatementSync } from 'node:sqlite'
import { RefusedStatementError } from '../errors.ts'
import { storageError } from '../storage-errors.ts'
import { toBindable } from './parameters.ts'
import { hasSecondStatement } from './statement-text.ts'

/** One row: values by the names of its columns. */
export type Row = Readonly<Record<string, unknown>>

/** What a statement gave: rows, or how many rows it changed and the last id that it inserted. */
export interface StatementResult {
  readonly rows: readonly Row[]
  readonly changes: bigint
  readonly insertId: bigint
}

/** One connection to a database: what runs a statement, at once, without a promise. */
export interface Connection {
  readonly inTransaction: boolean
  /** Runs one statement to its end. Throws SQLite's error, or ours where it is about the file and not the statement. */
  execute(sql: string, parameters?: readonly unknown[]): StatementResult
  /** Gives the rows one by one until `visit` returns false. */
  iterate(sql: string, parameters: readonly unknown[], visit: (row: Row) => boolean): void
  close(): void
}

/** A prepared statement. Its rows come as arrays: half the time of `node:sqlite`'s objects, and plain objects in the end. */
interface Prepared {
  readonly statement: StatementSync
  readonly givesRows: boolean
  /** Names of its columns; read anew each time for `*`, which a change of the table changes. */
  readonly columns: readonly string[] | undefined
}

const nothing: readonly Row[] = []
const cacheSize = 200

/** A connection of `node:sqlite`. Integers are read as `number`, beyond 2^53 as `bigint`. The last 200 statements stay prepared. */
export class SqliteConnection implements Connection {
  readonly #database: DatabaseSync
  readonly #path: string
  /** By text, the one used last at the end. */
  readonly #prepared = new Map<string, Prepared>()

  /** Opens `path`, or memory for `:memory:`. Throws `DatabaseOpenError`, `NotADatabaseError`. */
  constructor(path: string, options: { readonly readOnly: boolean }) {
    this.#path = path
    try {
      this.#database = new DatabaseSync(path, { readOnly: options.readOnly, timeout: 0 })
    } catch (error) {
      throw storageError(error, path)
    }
  }

  get inTransaction(): boolean {
    return this.#database.isTransaction
  }

  execute(sql: string, parameters: readonly unknown[] = []): StatementResult {
    try {
      const { statement, givesRows, columns } = this.#prepare(sql)
      const bound = toBindable(parameters, sql)
      if (givesRows) return { rows: toRows(statement, columns, statement.all(...bound)), changes: 0n, insertId: 0n }
      const { changes, lastInsertRowid } = statement.run(...bound)
      return { rows: nothing, changes: BigInt(changes), insertId: BigInt(lastInsertRowid) }
    } catch (error) {
      throw storageError(error, this.#path)
    }
  }

  iterate(sql: string, parameters: readonly unknown[], visit: (row: Row) => boolean): void {
    try {
      const { statement, columns } = this.#prepare(sql)
      const names = columns ?? namesOf(statement)
      for (const row of statement.iterate(...toBindable(parameters, sql))) if (!visit(toRow(names, row))) return
    } catch (error) {
      throw storageError(error, this.#path)
    }
  }

  close(): void {
    this.#prepared.clear()
    if (this.#database.isOpen) this.#database.close()
  }

  #prepare(sql: string): Prepared {
    const known = this.#prepared.get(sql)
    if (known !== undefined) {
      this.#prepared.delete(sql)
      this.#prepared.set(sql, known)
      return known
    }
    const statement = this.#database.prepare(sql)
    // SQLite prepares the first statement of a text and ignores what follows: silently lost work.
    if (hasSecondStatement(sql.slice(statement.sourceSQL.length))) {
      throw new RefusedStatementError(sql, 'it holds several statements: give them one by one')
    }
    statement.setReadBigInts(true)
    statement.setReturnArrays(true)
    const names = namesOf(statement)
    const prepared = { statement, givesRows: names.length > 0, columns: sql.includes('*') ? undefined : names }
    this.#prepared.set(sql, prepared)
    if (this.#prepared.size > cacheSize) this.#prepared.delete(this.#prepared.keys().next().value!)
    return prepared
  }
}

function namesOf(statement: StatementSync): readonly string[] {
  return statement.columns().map(({ name }) => name)
}

/** The types of `node:sqlite` know rows as objects only; with `setReturnArrays` they are arrays. */
function toRows(
  statement: StatementSync,
  columns: readonly string[] | undefined,
  found: readonly unknown[],
): readonly Row[] {
  if (found.length === 0) return nothing
  const names = columns ?? namesOf(statement)
  return found.map((values) => toRow(names, values))
}

function toRow(names: readonly string[], found: unknown): Row {
  const values = found as readonly SQLOutputValue[]
  const row: Record<string, unknown> = {}
  for (let at = 0; at < names.length; at++) {
    const value = values[at]!
    row[names[at]!] = typeof value === 'bigint' ? toNumber(value) : value
  }
  return row
}

function toNumber(value: bigint): number | bigint {
  const number = Number(value)
  return Number.isSafeInteger(number) ? number : value
}
