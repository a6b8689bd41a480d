/**
 * Databases as commit homes: SQLite through Kysely.
 *
 * @module
 */
export type { Kysely, Transaction } from 'kysely'
export type { Migration } from 'kysely/migration'
export { type Database, type DatabaseOptions, database } from './database.ts'
export {
  DatabaseClosedError,
  DatabaseVersionError,
  InvalidParameterError,
  MigrationError,
  OuterHandleError,
  RefusedStatementError,
  TransactionEndedError,
  TransactionTimeoutError,
  UnawaitedStatementError,
  UnsupportedDatabaseUrlError,
} from './errors.ts'
export {
  DatabaseBusyError,
  DatabaseDamagedError,
  DatabaseFolderError,
  DatabaseFullError,
  DatabaseIoError,
  DatabaseOpenError,
  DatabaseReadOnlyError,
  NotADatabaseError,
} from './storage-errors.ts'
export type { WithTx } from './with-tx.ts'
