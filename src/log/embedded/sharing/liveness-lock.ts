import { existsSync, mkdirSync, readdirSync, rmdirSync, rmSync } from 'node:fs'
import { basename, join } from 'node:path'
import { isBusy, type OpenDatabase, type SqlDatabase } from '../database.ts'

/** How long a lock file of one's own may take while others tidy the folder up: a moment, on a machine that is not stuck. */
const acquireDeadlineMs = 5_000

/** Where the processes of a log have their lock files. */
export function livenessFolder(logPath: string): string {
  return `${logPath}-processes`
}
function fileOf(logPath: string, id: string): string {
  return join(livenessFolder(logPath), `${id}.lock`)
}

/**
 * Shows others that a process lives: an open `BEGIN EXCLUSIVE` on a small SQLite file of its own, which the system frees
 * at the process's death, however it dies. Nothing is written to the file.
 *
 * As with `ProcessLock`, nobody may open the file by `fs` in its owner's process.
 */
export class LivenessLock {
  readonly #logPath: string
  readonly #id: string
  #database: SqlDatabase

  private constructor(logPath: string, id: string, database: SqlDatabase) {
    this.#logPath = logPath
    this.#id = id
    this.#database = database
  }

  static async acquire(logPath: string, id: string, open: OpenDatabase): Promise<LivenessLock> {
    const sinceMs = performance.now()
    for (;;) {
      try {
        const database = lock(logPath, id, open)
        if (database !== undefined) return new LivenessLock(logPath, id, database)
      } catch (error) {
        if (performance.now() - sinceMs >= acquireDeadlineMs) throw error
      }
      await new Promise((resolve) => setTimeout(resolve, 1 + Math.random()))
    }
  }

  /** Somebody has deleted the file: it is made anew, so that this process is not taken for dead. */
  renew(open: OpenDatabase): void {
    if (existsSync(fileOf(this.#logPath, this.#id))) return
    const database = lock(this.#logPath, this.#id, open)
    if (database === undefined) return
    this.#database.close()
    this.#database = database
  }

  /** This process is seen as dead from now on; its file goes, and the folder with the last of them. */
  release(): void {
    remove(fileOf(this.#logPath, this.#id))
    this.#database.close()
    try {
      rmdirSync(livenessFolder(this.#logPath))
    } catch {
      // Others have files there.
    }
  }
}

/** Undefined where somebody has removed the file meanwhile: then it is no sign of life. */
function lock(logPath: string, id: string, open: OpenDatabase): SqlDatabase | undefined {
  const file = fileOf(logPath, id)
  mkdirSync(livenessFolder(logPath), { recursive: true })
  const database = open(file)
  try {
    database.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE')
    // Who removes a file that nobody needs has its lock meanwhile: behind it, the file may be gone.
    if (existsSync(file)) return database
  } catch (error) {
    database.close()
    throw error
  }
  database.close()
  return undefined
}

/** Looks whether another process lives, as often as it is asked. */
export class LivenessProbe {
  readonly #file: string
  readonly #open: OpenDatabase
  #database: SqlDatabase | undefined

  constructor(logPath: string, id: string, open: OpenDatabase) {
    this.#file = fileOf(logPath, id)
    this.#open = open
  }

  /** True only when it is certain. */
  isDead(): boolean {
    if (!existsSync(this.#file)) return true
    try {
      this.#database ??= this.#open(this.#file)
      this.#database.exec('BEGIN IMMEDIATE')
      this.#database.exec('ROLLBACK')
      return true
    } catch (error) {
      // An error that says nothing of the lock: the heartbeat decides.
      if (!isBusy(error)) this.close()
      return false
    }
  }

  /** Deletes the file of one that is dead, under its lock. */
  remove(): void {
    try {
      this.#database?.exec('BEGIN IMMEDIATE')
      remove(this.#file)
    } catch {
      // Somebody else is at it.
    }
    this.close()
  }

  close(): void {
    this.#database?.close()
    this.#database = undefined
  }
}

/** Lock files of processes that died before the log knew of them, or whose entry others have removed. */
export function removeDeadLocks(logPath: string, known: ReadonlySet<string>, open: OpenDatabase): void {
  let names: string[]
  try {
    names = readdirSync(livenessFolder(logPath))
  } catch {
    return
  }
  for (const name of names) {
    const id = basename(name, '.lock')
    if (id === name || known.has(id)) continue
    const probe = new LivenessProbe(logPath, id, open)
    if (probe.isDead()) probe.remove()
    else probe.close()
  }
}

/** A file that cannot be deleted is deleted by somebody later. */
function remove(file: string): void {
  try {
    rmSync(file, { force: true })
  } catch {
    // On Windows while somebody has it open.
  }
}
