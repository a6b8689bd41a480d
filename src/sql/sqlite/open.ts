import { closeSync, fsyncSync, openSync, realpathSync, statSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { logApplicationId } from '../../core/application-ids.ts'
import { FileSync } from '../../core/file-sync.ts'
import { makeFolders } from '../../core/folders.ts'
import type { NewId } from '../../core/ids.ts'
import { LockWait } from '../../core/lock-wait.ts'
import type { Logger } from '../../core/logger.ts'
import type { DatabasePlace } from '../database-url.ts'
import { DatabaseFolderError, DatabaseIsLogError, DatabaseOpenError } from '../storage-errors.ts'
import { type Connection, SqliteConnection } from './connection.ts'
import { Durability } from './durability.ts'
import { SqliteHome } from './home.ts'
import { createTables, readDatabaseId } from './schema.ts'
import type { Timing } from './timing.ts'
import { WriteTransaction } from './transaction.ts'
import { WalKeeper } from './wal-keeper.ts'
import { Writer } from './writer.ts'

/** Which database, and what of the app it uses. */
export interface OpenOptions {
  /** A file's path as `canonicalPath` gives it. */
  readonly place: DatabasePlace
  readonly timing: Timing
  readonly logger: Logger
  /** The id of a database that has none yet. */
  readonly newId: NewId
  /** How long a lock held by another process is waited for. 30 seconds by default. */
  readonly lockTimeoutMs?: number
  /** How a connection is made; replaced to plant faults. */
  readonly connect?: (path: string, options: { readonly readOnly: boolean }) => Connection
}

/**
 * Opens a database and makes our tables where they are missing.
 *
 * @throws DatabaseOpenError, DatabaseReadOnlyError, NotADatabaseError, DatabaseIsLogError, DatabaseDamagedError, DatabaseFullError,
 * DatabaseBusyError, DatabaseVersionError
 */
export async function openHome(options: OpenOptions): Promise<SqliteHome> {
  const { place, timing, logger, lockTimeoutMs = 30_000, connect = connectSqlite } = options
  const path = place.kind === 'memory' ? ':memory:' : place.path
  const location = place.kind === 'memory' ? 'memory:' : `file:${path}`
  const connection = connect(path, { readOnly: false })
  const afterCommit: { run?: () => void } = {}
  const nowMs = timing.elapsedMs
  const lockWait = place.kind === 'file' ? new LockWait({ what: 'database', path, logger, nowMs }) : undefined
  const committed = () => afterCommit.run?.()
  const writer = new Writer({ connection, location, timing, lockTimeoutMs, lockWait, committed })
  try {
    if (place.kind === 'file') {
      await refuseLog(writer, location)
      await setUpFile(writer, location)
    }
    const databaseId = await setUpTables(writer, { location, newId: options.newId })
    const durability = new Durability(place.kind === 'file' ? new FileSync(`${path}-wal`) : undefined)
    if (place.kind === 'file') syncFolder(dirname(path))
    const keeper = place.kind === 'file' ? new WalKeeper({ connection, location, logger }) : undefined
    afterCommit.run = () => {
      durability.committed()
      keeper?.afterCommit()
    }
    const reader = place.kind === 'file' ? connect(path, { readOnly: true }) : undefined
    return new SqliteHome({ databaseId, location, writer, reader, durability, timing, logger, lockTimeoutMs })
  } catch (error) {
    connection.close()
    throw error
  }
}

function connectSqlite(path: string, options: { readonly readOnly: boolean }): Connection {
  return new SqliteConnection(path, options)
}

/**
 * The one name of a database file, however it was written: absolute, links followed. Makes its folder.
 *
 * @throws DatabaseFolderError, DatabaseOpenError
 */
export function canonicalPath(path: string): string {
  const absolute = resolve(path)
  const folder = dirname(absolute)
  try {
    makeFolders(folder)
  } catch (error) {
    throw new DatabaseFolderError(absolute, folder, error)
  }
  const found = statSync(absolute, { throwIfNoEntry: false })
  if (found?.isDirectory()) throw new DatabaseOpenError(absolute, 'it is a folder')
  return found === undefined ? join(realpathSync(folder), basename(absolute)) : realpathSync(absolute)
}

/** Before anything is changed, the journal mode included. Throws `DatabaseIsLogError`. */
async function refuseLog(writer: Writer, location: string): Promise<void> {
  const { rows } = await writer.alone((connection) => connection.execute('pragma application_id'))
  if (Number(rows[0]?.application_id) === logApplicationId) throw new DatabaseIsLogError(location)
}

/** Commits do without an fsync (`Durability` does it for all that wait), and checkpoints are ours (`WalKeeper`). */
async function setUpFile(writer: Writer, location: string): Promise<void> {
  const { rows } = await writer.alone((connection) => connection.execute('pragma journal_mode = wal'))
  if (rows[0]?.journal_mode !== 'wal') {
    throw new DatabaseOpenError(location, 'its file system has no write-ahead log (a network drive?)')
  }
  for (const pragma of [
    'synchronous = normal',
    'wal_autocheckpoint = 0',
    'fullfsync = 1',
    'checkpoint_fullfsync = 1',
  ]) {
    await writer.alone((connection) => connection.execute(`pragma ${pragma}`))
  }
}

async function setUpTables(writer: Writer, options: { location: string; newId: NewId }): Promise<string> {
  const { location, newId } = options
  const stored = await writer.alone((connection) => readDatabaseId(connection, location))
  if (stored !== undefined) return stored
  const transaction = new WriteTransaction({ writer, who: 'the start', timeoutMs: undefined, held: () => {} })
  let databaseId = ''
  await transaction.commit(
    (connection) => createTables(connection, { location, newId: newId() }),
    (id) => {
      databaseId = id
    },
  )
  return databaseId
}

/** The names of new files are durable only with their folder. Windows has no such call and needs none. */
function syncFolder(folder: string): void {
  if (process.platform === 'win32') return
  const descriptor = openSync(folder, 'r')
  try {
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}
