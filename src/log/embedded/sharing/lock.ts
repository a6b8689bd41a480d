import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { isBusy, type OpenDatabase, type SqlDatabase, toOpenError } from '../database.ts'
import { LogInUseError } from '../errors.ts'

/** How long the owner may take from having the lock to having written its process id. */
const announceDeadlineMs = 250

/** With whom a process has a log: with others, which asked for the same; or alone. */
export type LockMode = 'shared' | 'alone'

/**
 * Who may have a log, by a lock on a small SQLite file beside it, `<log>.lock`: an open read transaction for those who
 * share it, an open `BEGIN EXCLUSIVE` for who needs it alone (on a SQLite that spoils a file which two processes write;
 * Millrace before format version 2 took it always). The operating system frees the lock when the process dies, however it
 * dies, so that a successor never waits; nothing is written to the file, so that there is nothing to recover. Who has it
 * alone stands in `<log>.pid`, for the message of those who come second.
 *
 * Nobody may open the lock file by `fs` in the owner's process: closing any descriptor of a file drops a process's POSIX
 * locks on it. SQLite keeps a second connection in one process from doing so.
 */
export class ProcessLock {
  readonly #database: SqlDatabase
  readonly #ownerFile: string | undefined

  private constructor(database: SqlDatabase, ownerFile: string | undefined) {
    this.#database = database
    this.#ownerFile = ownerFile
  }

  /** Throws `LogInUseError` when somebody has it otherwise. `logPath` is the real path: two names of one file are one log. */
  static async acquire(logPath: string, mode: LockMode, open: OpenDatabase): Promise<ProcessLock> {
    const ownerFile = `${logPath}.pid`
    let database: SqlDatabase | undefined
    try {
      database = open(`${logPath}.lock`)
      database.exec('PRAGMA journal_mode = MEMORY')
      if (mode === 'alone') database.exec('BEGIN EXCLUSIVE')
      else database.exec('BEGIN; SELECT count(*) FROM sqlite_schema')
    } catch (error) {
      database?.close()
      throw isBusy(error) ? new LogInUseError(logPath, await readOwner(ownerFile)) : toOpenError(logPath, error)
    }
    if (mode === 'shared') return new ProcessLock(database, undefined)
    announceOwner(ownerFile)
    return new ProcessLock(database, ownerFile)
  }

  /** Frees the log for the next one. */
  release(): void {
    // The name goes first: after the lock is free the file may be the next owner's.
    if (this.#ownerFile !== undefined) removeOwner(this.#ownerFile)
    this.#database.close()
  }
}

/** For the message of others alone: a full disk is for the log to report. */
function announceOwner(ownerFile: string): void {
  try {
    writeFileSync(ownerFile, `${process.pid}\n`)
  } catch {
    removeOwner(ownerFile)
  }
}

/** A wrong name is better than a log that cannot be opened or closed: readers check that the process lives. */
function removeOwner(ownerFile: string): void {
  try {
    rmSync(ownerFile, { force: true })
  } catch {
    // It is a folder, or ours to read alone.
  }
}

/** The living process that the file names. Somebody who has just got the lock may not have written its own yet. */
async function readOwner(ownerFile: string): Promise<number | undefined> {
  const deadlineMs = performance.now() + announceDeadlineMs
  for (;;) {
    const owner = parseOwner(ownerFile)
    if (owner !== undefined && isAlive(owner)) return owner
    if (performance.now() > deadlineMs) return undefined
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

function parseOwner(ownerFile: string): number | undefined {
  try {
    const owner = Number.parseInt(readFileSync(ownerFile, 'utf8'), 10)
    return Number.isSafeInteger(owner) && owner > 0 ? owner : undefined
  } catch {
    return undefined
  }
}

function isAlive(processId: number): boolean {
  try {
    process.kill(processId, 0)
    return true
  } catch (error) {
    // Not ours to signal is alive all the same.
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}
