/** The log's file as SQLite sees it: opened with its pragmas, made durable, checkpointed and closed. */
import { randomUUID } from 'node:crypto'
import { existsSync, rmSync } from 'node:fs'
import { FileSync } from '../../core/file-sync.ts'
import { lockCleaning } from './cleaning/cleaning-lock.ts'
import { isBusy, type SqlDatabase, toLogError, toOpenError } from './database.ts'
import { NotALogError } from './errors.ts'
import { preparePath } from './file-system.ts'
import type { ResolvedOptions } from './options.ts'
import { checkFormat, type LogIdentity, prepareSchema } from './schema.ts'
import { LivenessLock } from './sharing/liveness-lock.ts'
import { ProcessLock } from './sharing/lock.ts'
import { enterProcess, type Registration } from './sharing/processes.ts'
import { whenFree } from './sharing/when-free.ts'
import { hasWalResetFault } from './sqlite-version.ts'
import { CheckpointThread } from './write-ahead-log/checkpoint-thread.ts'
import { Checkpointer, type CheckpointerContext } from './write-ahead-log/checkpointer.ts'

/** What checkpoints need of the log. */
export type CheckpointedLog = Pick<CheckpointerContext, 'holdCommits' | 'failed'>
/** Keeps the WAL short: see `Checkpointer`. In memory there is none. */
export type Checkpoints = Pick<Checkpointer, 'noteWrites' | 'retry' | 'close'>

/** What the engine needs of where it is stored. */
export interface Storage {
  readonly location: string
  readonly path: string
  readonly database: SqlDatabase
  readonly identity: LogIdentity
  /** This process among those that share the file; undefined in memory. */
  readonly registration: Registration | undefined
  /** Milliseconds of a recent fsync, 0 in memory. */
  readonly syncCostMs: number
  /** Resolves when all that was committed before the call is on disk. */
  sync(): Promise<void>
  /** Begins to keep the WAL short. */
  startCheckpoints(log: CheckpointedLog): Checkpoints
  /** The right to clean the log, if no other process has it; the call gives it back. */
  lockCleaning(): (() => void) | undefined
  /** Frees the file. With `failed` the log's error is known already, and what else goes wrong is not reported. */
  close(options: { readonly failed: boolean }): Promise<void>
}

/** A WAL that one big commit made longer is cut to this when it begins again. */
const walBytesLimit = 64 * 1024 * 1024

/** How long a file that others lock is waited for when it is opened. */
const openingDeadlineMs = 5_000

/** Opens the file and takes its lock, or opens a log in memory. Throws as `openEmbeddedLog`. */
export async function openStorage(options: ResolvedOptions): Promise<Storage> {
  return options.path === undefined ? openMemory(options) : await openFile(options.path, options)
}

function openMemory(options: ResolvedOptions): Storage {
  const database = options.openDatabase(':memory:')
  setBound(database, options.maxPageCount)
  const identity = prepareSchema(database, options.ids)
  return {
    location: 'memory:',
    path: 'memory:',
    database,
    identity,
    registration: undefined,
    syncCostMs: 0,
    sync: () => Promise.resolve(),
    startCheckpoints: () => ({ noteWrites() {}, retry() {}, close: () => Promise.resolve() }),
    lockCleaning: () => () => {},
    close: async () => database.close(),
  }
}

async function openFile(given: string, options: ResolvedOptions): Promise<Storage> {
  const { path, syncFolders } = preparePath(given, options.fileSystemTypeOf)
  const { logger, sqliteVersion, openDatabase } = options
  const isFaulty = hasWalResetFault(sqliteVersion)
  if (isFaulty) {
    logger.warn(
      `SQLite ${sqliteVersion} can damage a file that two programs write at once: no other process can open ${path} meanwhile. Run a Node.js with SQLite 3.51.3 or later.`,
    )
  }
  const lockFile = `${path}.lock`
  const isFirst = !existsSync(lockFile)
  const lock = await ProcessLock.acquire(path, isFaulty ? 'alone' : 'shared', openDatabase)
  let alive: LivenessLock | undefined
  let database: SqlDatabase | undefined
  let wal: FileSync | undefined
  try {
    const id = randomUUID()
    alive = await LivenessLock.acquire(path, id, openDatabase)
    database = openDatabase(path)
    const { identity, number } = await prepareFile(database, { path, id, options })
    wal = new FileSync(`${path}-wal`)
    // What an earlier process committed and did not live to flush is durable from here on, as are the files' names.
    await wal.sync()
    syncFolders()
    const registration = { id, number, lock: alive }
    return new FileStorage({ path, database, identity, registration, wal, lock, options })
  } catch (error) {
    await wal?.close()
    closeQuietly(database)
    alive?.release()
    lock.release()
    const openError = toOpenError(path, error)
    // Beside a file that is no log it would only be litter; nobody else has it for a log.
    if (isFirst && openError instanceof NotALogError) rmSync(lockFile, { force: true })
    throw openError
  }
}

/** Others may be opening, writing or closing the file at this moment: it is tried again, for some seconds. */
async function prepareFile(
  database: SqlDatabase,
  { path, id, options }: { readonly path: string; readonly id: string; readonly options: ResolvedOptions },
): Promise<{ readonly identity: LogIdentity; readonly number: number }> {
  const sinceMs = performance.now()
  const attempt = () => {
    try {
      checkFormat(database, path)
      setPragmas(database, path, options.checkpoints.walBytesLimit ?? walBytesLimit)
      setBound(database, options.maxPageCount)
      let number = 0
      const identity = prepareSchema(database, options.ids, () => {
        number = enterProcess(database, { path, id, options })
      })
      return { identity, number }
    } catch (error) {
      throw isBusy(error) ? toLogError(path, error) : error
    }
  }
  return await whenFree(attempt, () => performance.now() - sinceMs >= openingDeadlineMs)
}

function setPragmas(database: SqlDatabase, path: string, sizeLimit: number): void {
  const [mode] = database.prepare('PRAGMA journal_mode = WAL').get() as [string]
  if (mode !== 'wal') throw new NotALogError(path, `its journal mode is '${mode}' and cannot be changed to 'wal'`)
  database.exec(`
    PRAGMA synchronous = NORMAL;
    PRAGMA fullfsync = 1;
    PRAGMA checkpoint_fullfsync = 1;
    PRAGMA wal_autocheckpoint = 0;
    PRAGMA journal_size_limit = ${sizeLimit};
    PRAGMA cache_size = -4096;
    PRAGMA mmap_size = 0;
    PRAGMA temp_store = MEMORY;
    PRAGMA foreign_keys = OFF;
  `)
}

function setBound(database: SqlDatabase, maxPageCount: number | undefined): void {
  if (maxPageCount !== undefined) database.exec(`PRAGMA max_page_count = ${maxPageCount}`)
}

function closeQuietly(database: SqlDatabase | undefined): void {
  try {
    database?.close()
  } catch {
    // There is an error to report already, and it says more.
  }
}

class FileStorage implements Storage {
  readonly path: string
  readonly location: string
  readonly database: SqlDatabase
  readonly identity: LogIdentity
  readonly registration: Registration
  readonly #wal: FileSync
  readonly #lock: ProcessLock
  readonly #options: ResolvedOptions

  constructor(parts: {
    readonly path: string
    readonly database: SqlDatabase
    readonly identity: LogIdentity
    readonly registration: Registration
    readonly wal: FileSync
    readonly lock: ProcessLock
    readonly options: ResolvedOptions
  }) {
    this.path = parts.path
    this.location = `file:${parts.path}`
    this.database = parts.database
    this.identity = parts.identity
    this.registration = parts.registration
    this.#wal = parts.wal
    this.#lock = parts.lock
    this.#options = parts.options
  }

  get syncCostMs(): number {
    return this.#wal.recentMs
  }

  sync(): Promise<void> {
    return this.#wal.sync()
  }

  startCheckpoints(log: CheckpointedLog): Checkpoints {
    const { checkpoints, logger, sqliteVersion } = this.#options
    const { database, path } = this
    return new Checkpointer({
      database,
      path,
      logger,
      walBytesLimit: checkpoints.walBytesLimit ?? walBytesLimit,
      // With the fault of some builds, nothing may be written while another connection checkpoints.
      inlineLimitMs: hasWalResetFault(sqliteVersion) ? Number.POSITIVE_INFINITY : (checkpoints.inlineLimitMs ?? 1),
      syncCostMs: () => this.syncCostMs,
      startThread: () => new CheckpointThread(path),
      ...log,
    })
  }

  lockCleaning(): (() => void) | undefined {
    return lockCleaning(this.path, this.#options.openDatabase)
  }

  async close({ failed }: { readonly failed: boolean }): Promise<void> {
    await this.#wal.close()
    try {
      // SQLite empties and removes the WAL with the last connection.
      if (failed) closeQuietly(this.database)
      else this.database.close()
    } catch (error) {
      throw toLogError(this.path, error)
    } finally {
      this.registration.lock.release()
      this.#lock.release()
    }
  }
}
