import { MillraceError, messageOf, withoutFullStop } from '../core/errors.ts'

/** A database URL of a kind that is not known. */
export class UnsupportedDatabaseUrlError extends MillraceError {
  readonly code = 'UNSUPPORTED_DATABASE_URL'
  constructor(url: unknown, options?: ErrorOptions) {
    const shown = typeof url === 'string' ? `'${withoutPassword(url)}'` : typeof url
    super(
      `${shown} is not a database URL that works: give 'file:' and a path ('file:.millrace/app.db'), or 'memory:'.`,
      options,
    )
  }
}

/** A statement on the outer handle of a database, inside a handler that has a transaction on the same database. */
export class OuterHandleError extends MillraceError {
  readonly code = 'OUTER_HANDLE'
  constructor(location: string) {
    super(
      `A statement on ${location} was started inside a handler that has a transaction there, but not on that transaction: it would wait for the handler itself, or read what is not committed yet. Use the 'tx' of the handler's context.`,
    )
  }
}

/** A statement on a transaction that has ended. */
export class TransactionEndedError extends MillraceError {
  readonly code = 'TRANSACTION_ENDED'
  constructor(how: string, options?: ErrorOptions) {
    super(
      `The transaction ${how}: the statement was not run. Await every statement before the handler returns.`,
      options,
    )
  }
}

/** A transaction was open for longer than its deadline. It was rolled back. */
export class TransactionTimeoutError extends MillraceError {
  readonly code = 'TRANSACTION_TIMEOUT'
  override readonly retryable = true
  constructor(who: string, timeoutMs: number) {
    super(
      `The transaction of ${who} was open for more than ${timeoutMs} ms and was rolled back, because every other writer waits for it. Do slow work before its first statement, or raise 'transactionTimeout'.`,
    )
  }
}

/** A handler returned while a statement on its transaction was running. The transaction was rolled back. */
export class UnawaitedStatementError extends MillraceError {
  readonly code = 'UNAWAITED_STATEMENT'
  constructor(who: string) {
    super(
      `A statement of ${who} was still running at the commit, and everything was rolled back: await each statement.`,
    )
  }
}

/** A value that SQLite cannot store. The statement was not run. */
export class InvalidParameterError extends MillraceError {
  readonly code = 'INVALID_PARAMETER'
  constructor(detail: { sql: string; position: number; problem: string }) {
    super(`Parameter ${detail.position} of ${shorten(detail.sql)} ${detail.problem}. The statement was not run.`)
  }
}

/** A statement that would take the transaction out of our hands, or several statements in one text. It was not run. */
export class RefusedStatementError extends MillraceError {
  readonly code = 'REFUSED_STATEMENT'
  constructor(sql: string, advice: string) {
    super(`${shorten(sql)} was not run: ${advice}.`)
  }
}

/** A migration threw; it and the others of that start were rolled back. Or the list does not fit what ran before. */
export class MigrationError extends MillraceError {
  readonly code = 'MIGRATION_FAILED'
  /** The name of the one that threw; undefined where the list itself was refused. */
  readonly migration: string | undefined
  constructor(detail: { database: string; location: string; migration: string | undefined; cause: unknown }) {
    const { database, location, migration, cause } = detail
    super(
      migration === undefined
        ? `The migrations of database '${database}' cannot run on ${location}: ${withoutFullStop(messageOf(cause))}.`
        : `Migration '${migration}' of database '${database}' failed on ${location}: ${withoutFullStop(messageOf(cause))}. Nothing of this start's migrations was kept, and later ones did not run.`,
      { cause },
    )
    this.migration = migration
  }
}

/** The database was written by a later version of Millrace. */
export class DatabaseVersionError extends MillraceError {
  readonly code = 'DATABASE_VERSION'
  constructor(location: string, found: string, known: number) {
    super(
      `${location} has tables of Millrace in version ${found}, and this Millrace knows versions up to ${known}: use the later Millrace that wrote it.`,
    )
  }
}

/** A statement after the app has closed the database. */
export class DatabaseClosedError extends MillraceError {
  readonly code = 'DATABASE_CLOSED'
  constructor(location: string) {
    super(`The database ${location} is closed: its app has stopped.`)
  }
}

/** The first line or so of a statement, for a message. */
export function shorten(sql: string): string {
  const line = sql.replace(/\s+/g, ' ').trim()
  return `"${line.length > 120 ? `${line.slice(0, 117)}...` : line}"`
}

function withoutPassword(url: string): string {
  return url.replace(/\/\/[^@/]*@/, '//***@')
}
