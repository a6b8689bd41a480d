import type { NewId } from '../../core/ids.ts'
import type { SqlDatabase } from './database.ts'
import { LogVersionError, NotALogError } from './errors.ts'

/** Written into the file's header ("MLRG"), so that `file` and we tell a log from another SQLite database. */
export const applicationId = 0x4d4c5247
/** Changes with what an older version could not read or would spoil. docs/file-format.md describes it. */
export const formatVersion = 1

const tables = `
CREATE TABLE meta (
  name TEXT PRIMARY KEY,
  value ANY NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE topic (
  number INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL UNIQUE,
  partitions INTEGER NOT NULL,
  compacted INTEGER NOT NULL
) STRICT;
CREATE TABLE partition (
  number INTEGER PRIMARY KEY,
  topic INTEGER NOT NULL REFERENCES topic,
  partition INTEGER NOT NULL,
  start_offset INTEGER NOT NULL,
  end_offset INTEGER NOT NULL,
  UNIQUE (topic, partition)
) STRICT;
CREATE TABLE batch (
  number INTEGER PRIMARY KEY,
  partition INTEGER NOT NULL REFERENCES partition,
  base_offset INTEGER NOT NULL,
  last_offset INTEGER NOT NULL,
  highest_timestamp INTEGER NOT NULL,
  bytes BLOB NOT NULL
) STRICT;
CREATE UNIQUE INDEX batch_by_offset ON batch (partition, last_offset);
CREATE TABLE committed_offset (
  "group" TEXT NOT NULL,
  partition INTEGER NOT NULL REFERENCES partition,
  position INTEGER NOT NULL,
  metadata TEXT NOT NULL,
  PRIMARY KEY ("group", partition)
) STRICT, WITHOUT ROWID;
CREATE TABLE store (
  number INTEGER PRIMARY KEY,
  "group" TEXT NOT NULL,
  name TEXT NOT NULL,
  partition INTEGER NOT NULL REFERENCES partition,
  UNIQUE ("group", name, partition)
) STRICT;
CREATE TABLE store_entry (
  store INTEGER NOT NULL REFERENCES store,
  key BLOB NOT NULL,
  value BLOB NOT NULL,
  PRIMARY KEY (store, key)
) STRICT, WITHOUT ROWID;
`

/** Which log the file is. */
export interface LogIdentity {
  readonly logId: string
  /** How often the file was opened, this time included: what is numbered in memory never repeats. */
  readonly openings: number
}

/**
 * Throws unless the file is empty or a log of a known format. To be called before anything is changed, the journal mode
 * included: it is the first to read the file, so that what is no database shows here.
 */
export function checkFormat(database: SqlDatabase, path: string): void {
  if (isEmpty(database)) return
  if (pragma(database, 'application_id') !== applicationId) {
    throw new NotALogError(path, 'it is the SQLite database of another program')
  }
  const version = pragma(database, 'user_version')
  if (version !== formatVersion) throw new LogVersionError(path, version, formatVersion)
}

/**
 * Creates the tables in an empty file; another one was checked. Counts the opening: the commit also takes SQLite's write
 * lock, so that a file that cannot be written shows now.
 */
export function prepareSchema(database: SqlDatabase, ids: NewId): LogIdentity {
  database.exec('BEGIN IMMEDIATE')
  try {
    if (isEmpty(database)) {
      database.exec(tables)
      database.exec(`PRAGMA application_id = ${applicationId}; PRAGMA user_version = ${formatVersion}`)
      const insert = database.prepare('INSERT INTO meta (name, value) VALUES (?, ?)')
      insert.run('log_id', ids())
      insert.run('openings', 0)
    }
    database.exec(`UPDATE meta SET value = value + 1 WHERE name = 'openings'`)
    const identity = { logId: String(readMeta(database, 'log_id')), openings: Number(readMeta(database, 'openings')) }
    database.exec('COMMIT')
    return identity
  } catch (error) {
    if (database.isTransaction) database.exec('ROLLBACK')
    throw error
  }
}

function isEmpty(database: SqlDatabase): boolean {
  return pragma(database, 'application_id') === 0 && firstColumn(database, 'SELECT count(*) FROM sqlite_schema') === 0
}

function readMeta(database: SqlDatabase, name: string): unknown {
  return firstOf(database.prepare('SELECT value FROM meta WHERE name = ?').get(name))
}
function pragma(database: SqlDatabase, name: string): number {
  return firstColumn(database, `PRAGMA ${name}`)
}
function firstColumn(database: SqlDatabase, sql: string): number {
  return Number(firstOf(database.prepare(sql).get()))
}
function firstOf(row: unknown): unknown {
  return Array.isArray(row) ? row[0] : undefined
}
