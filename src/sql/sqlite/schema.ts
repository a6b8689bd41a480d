import { DatabaseVersionError } from '../errors.ts'
import type { Connection } from './connection.ts'

/** Of the tables below. A database with a later one is refused. */
const schemaVersion = 1

/**
 * `key` and `value` have no type, so that text stays TEXT and bytes stay BLOB. AUTOINCREMENT, so that no number comes
 * twice after its row is gone: with one writer, the numbers are the order of the commits.
 */
const tables = [
  `create table millrace_meta (name text not null primary key, value text not null) strict, without rowid`,
  `create table millrace_checkpoint (
    group_name text not null, topic text not null, partition integer not null,
    log_id text not null, topic_id text not null, epoch integer not null,
    position integer, finished text not null default '',
    primary key (group_name, topic, partition)
  ) strict, without rowid`,
  `create table millrace_store (
    group_name text not null, topic text not null, partition integer not null, store text not null,
    key blob not null, value blob not null,
    primary key (group_name, topic, partition, store, key)
  ) strict, without rowid`,
  `create table millrace_outbox (
    number integer primary key autoincrement,
    topic text not null, key, value, headers text, timestamp_ms integer not null
  )`,
]

/** The database's id where our tables are there, undefined where they are not. Throws `DatabaseVersionError`. */
export function readDatabaseId(connection: Connection, location: string): string | undefined {
  if (connection.execute(`select 1 from sqlite_schema where name = 'millrace_meta'`).rows.length === 0) return undefined
  const version = readMeta(connection, 'schema-version')
  if (Number(version) > schemaVersion) throw new DatabaseVersionError(location, version ?? 'unknown', schemaVersion)
  return readMeta(connection, 'database-id')
}

/** Makes what is missing, inside a transaction of the caller's. Returns the database's id: the one stored, or `newId`. */
export function createTables(connection: Connection, options: { location: string; newId: string }): string {
  const stored = readDatabaseId(connection, options.location)
  if (stored !== undefined) return stored
  if (connection.execute(`select 1 from sqlite_schema where name = 'millrace_meta'`).rows.length === 0) {
    for (const table of tables) connection.execute(table)
    writeMeta(connection, 'schema-version', String(schemaVersion))
  }
  writeMeta(connection, 'database-id', options.newId)
  return options.newId
}

function readMeta(connection: Connection, name: string): string | undefined {
  const value = connection.execute(`select value from millrace_meta where name = ?`, [name]).rows[0]?.value
  return value === undefined ? undefined : String(value)
}

function writeMeta(connection: Connection, name: string, value: string): void {
  connection.execute(`insert into millrace_meta (name, value) values (?, ?)`, [name, value])
}
