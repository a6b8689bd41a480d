import { isBusy, type OpenDatabase, type SqlDatabase, toOpenError } from '../database.ts'

/**
 * The right to clean a log: an open `BEGIN EXCLUSIVE` on a small SQLite file beside it, that the system frees when the
 * process dies. Undefined while another process has it; the call that is returned gives it back.
 */
export function lockCleaning(logPath: string, open: OpenDatabase): (() => void) | undefined {
  const path = `${logPath}-cleaning.lock`
  let database: SqlDatabase | undefined
  try {
    database = open(path)
    database.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE')
  } catch (error) {
    database?.close()
    if (isBusy(error)) return undefined
    throw toOpenError(path, error)
  }
  const held = database
  return () => held.close()
}
