import { logApplicationId as applicationId } from '../../core/application-ids.ts'
import type { NewId } from '../../core/ids.ts'
import type { SqlDatabase } from './database.ts'
import { LogVersionError, NotALogError } from './errors.ts'

/** Changes with what an older version could not read or would spoil. docs/file-format.md describes it. */
export const formatVersion = 3

/**
 * What is asked for in a look at many batches stands before their bytes: a column behind a large value is found by
 * following all of its pages.
 */
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
  compacted INTEGER NOT NULL,
  retention_ms INTEGER,
  retention_bytes INTEGER
) STRICT;
CREATE TABLE partition (
  number INTEGER PRIMARY KEY,
  topic INTEGER NOT NULL REFERENCES topic,
  partition INTEGER NOT NULL,
  start_offset INTEGER NOT NULL,
  end_offset INTEGER NOT NULL,
  appended_bytes INTEGER NOT NULL DEFAULT 0,
  removed_bytes INTEGER NOT NULL DEFAULT 0,
  compacted_to INTEGER NOT NULL DEFAULT 0,
  UNIQUE (topic, partition)
) STRICT;
CREATE TABLE batch (
  number INTEGER PRIMARY KEY,
  partition INTEGER NOT NULL REFERENCES partition,
  base_offset INTEGER NOT NULL,
  last_offset INTEGER NOT NULL,
  highest_timestamp INTEGER NOT NULL,
  appended_bytes INTEGER,
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

/** Since format version 2: batches with tombstones that were compacted, and until when those are kept. */
const tombstoneTable = `
CREATE TABLE tombstone (
  batch INTEGER PRIMARY KEY,
  partition INTEGER NOT NULL REFERENCES partition,
  kept_until INTEGER NOT NULL
) STRICT;
CREATE INDEX tombstone_by_time ON tombstone (partition, kept_until);
`

/** A file of version 1 counted no bytes: those that it has are counted once, here. */
const columnsOfVersion2 = `
ALTER TABLE topic ADD COLUMN retention_ms INTEGER;
ALTER TABLE topic ADD COLUMN retention_bytes INTEGER;
ALTER TABLE partition ADD COLUMN appended_bytes INTEGER NOT NULL DEFAULT 0;
ALTER TABLE partition ADD COLUMN removed_bytes INTEGER NOT NULL DEFAULT 0;
ALTER TABLE partition ADD COLUMN compacted_to INTEGER NOT NULL DEFAULT 0;
ALTER TABLE batch ADD COLUMN appended_bytes INTEGER;
UPDATE partition SET appended_bytes =
  coalesce((SELECT sum(length(bytes)) FROM batch WHERE batch.partition = partition.number), 0);
`

/**
 * Since format version 2: the processes that have the log open, the members of groups, and who has which partition. The
 * counters of `revision` rise with every change, by triggers that nobody can forget, so that another process re-reads
 * only what changed. `batches` is no counter of batches: it says that some went, or that ends were moved by hand, so that
 * reading on from the highest number seen would miss some.
 */
const processTable = `
CREATE TABLE process (
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  process_id INTEGER NOT NULL,
  host TEXT NOT NULL,
  session_timeout_ms INTEGER NOT NULL,
  heartbeat INTEGER NOT NULL
) STRICT;
`
const processTables = `${processTable}
CREATE TABLE member (
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  "group" TEXT NOT NULL,
  process INTEGER NOT NULL REFERENCES process,
  topics TEXT NOT NULL,
  leaving INTEGER NOT NULL
) STRICT;
CREATE INDEX member_by_group ON member ("group");
CREATE TABLE lease (
  "group" TEXT NOT NULL,
  partition INTEGER NOT NULL REFERENCES partition,
  epoch INTEGER NOT NULL,
  owner INTEGER REFERENCES member,
  wanted INTEGER REFERENCES member,
  PRIMARY KEY ("group", partition)
) STRICT, WITHOUT ROWID;
CREATE TABLE revision (
  topics INTEGER NOT NULL,
  groups INTEGER NOT NULL,
  batches INTEGER NOT NULL
) STRICT;
INSERT INTO revision (topics, groups, batches) VALUES (0, 0, 0);
CREATE TRIGGER topic_inserted AFTER INSERT ON topic BEGIN UPDATE revision SET topics = topics + 1; END;
CREATE TRIGGER topic_updated AFTER UPDATE ON topic BEGIN UPDATE revision SET topics = topics + 1; END;
CREATE TRIGGER topic_deleted AFTER DELETE ON topic BEGIN UPDATE revision SET topics = topics + 1; END;
CREATE TRIGGER partition_updated AFTER UPDATE ON partition BEGIN UPDATE revision SET batches = batches + 1; END;
CREATE TRIGGER last_batch_deleted BEFORE DELETE ON batch WHEN OLD.number = (SELECT max(number) FROM batch)
BEGIN UPDATE revision SET batches = batches + 1; END;
CREATE TRIGGER member_inserted AFTER INSERT ON member BEGIN UPDATE revision SET groups = groups + 1; END;
CREATE TRIGGER member_updated AFTER UPDATE ON member BEGIN UPDATE revision SET groups = groups + 1; END;
CREATE TRIGGER member_deleted AFTER DELETE ON member BEGIN UPDATE revision SET groups = groups + 1; END;
CREATE TRIGGER lease_inserted AFTER INSERT ON lease BEGIN UPDATE revision SET groups = groups + 1; END;
CREATE TRIGGER lease_updated AFTER UPDATE ON lease BEGIN UPDATE revision SET groups = groups + 1; END;
`

/** Since format version 3 a process says its session timeout. Who had the file open before it was brought here is gone. */
const processesAnew = `
UPDATE lease SET owner = NULL, wanted = NULL;
DELETE FROM member;
DROP TABLE process;
${processTable}`

/** What makes a file of that version one of the next. */
const migrations: ReadonlyMap<number, string> = new Map([
  [1, columnsOfVersion2 + tombstoneTable + processTables],
  [2, processesAnew],
])

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
    const isOurs = firstColumn(database, `SELECT count(*) FROM sqlite_schema WHERE name = 'millrace_meta'`) === 1
    const what = isOurs ? "it is an app's database (DATABASE_URL), and the log needs a file of its own" : undefined
    throw new NotALogError(path, what ?? 'it is the SQLite database of another program')
  }
  const version = pragma(database, 'user_version')
  if (version !== formatVersion && !migrations.has(version)) throw new LogVersionError(path, version, formatVersion)
}

/**
 * Creates the tables in an empty file, and brings an older one, which was checked, to this format. Counts the opening: the commit also takes SQLite's write
 * lock, so that a file that cannot be written shows now. `enter` runs in the same transaction.
 */
export function prepareSchema(database: SqlDatabase, ids: NewId, enter: () => void = () => {}): LogIdentity {
  database.exec('BEGIN IMMEDIATE')
  try {
    if (isEmpty(database)) {
      database.exec(tables + tombstoneTable + processTables)
      database.exec(`PRAGMA application_id = ${applicationId}; PRAGMA user_version = ${formatVersion}`)
      const insert = database.prepare('INSERT INTO meta (name, value) VALUES (?, ?)')
      insert.run('log_id', ids())
      insert.run('openings', 0)
    }
    migrate(database)
    database.exec(`UPDATE meta SET value = value + 1 WHERE name = 'openings'`)
    enter()
    const identity = { logId: String(readMeta(database, 'log_id')), openings: Number(readMeta(database, 'openings')) }
    database.exec('COMMIT')
    return identity
  } catch (error) {
    if (database.isTransaction) database.exec('ROLLBACK')
    throw error
  }
}

/** Takes an older file from version to version, in the caller's transaction. */
function migrate(database: SqlDatabase): void {
  for (let version = pragma(database, 'user_version'); version < formatVersion; version++) {
    database.exec(migrations.get(version)!)
    database.exec(`PRAGMA user_version = ${version + 1}`)
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
