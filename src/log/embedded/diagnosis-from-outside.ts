import { lockAdvice } from '../../core/lock-wait.ts'
import { describeProcess, processesWriting } from '../../core/sqlite-locks.ts'
import type { Finding } from '../admin.ts'
import { openSqlite } from './database.ts'
import { diagnose } from './diagnosis.ts'
import { LogBusyError, LogFullError } from './errors.ts'
import { GroupTables } from './groups/group-tables.ts'

/**
 * Looks at a log that cannot be opened, since that takes a write: another process keeps its write lock, or it is full. By
 * reads alone. Throws `error`, with which it was not opened, when that says anything else.
 */
export async function diagnoseFromOutside(path: string, error: unknown): Promise<readonly Finding[]> {
  if (!(error instanceof LogBusyError || error instanceof LogFullError)) throw error
  const database = openSqlite(path)
  try {
    const members = new GroupTables(database).describe()
    const findings = await diagnose({ database, path, sqliteVersion: process.versions.sqlite ?? '', members })
    return [...findings, error instanceof LogBusyError ? describeLock(path) : describeFull(error)]
  } catch {
    // It is worth no less: what cannot be read says nothing about why it was not opened.
    throw error
  } finally {
    database.close()
  }
}

function describeLock(path: string): Finding {
  const holders = processesWriting(path) ?? []
  const who = holders.length === 0 ? 'another process' : holders.map(describeProcess).join(', ')
  return { subject: 'write lock', value: `with ${who}: nothing can be written`, verdict: 'bad', advice: lockAdvice }
}

function describeFull(error: LogFullError): Finding {
  const advice = 'Free space on its disk, or raise its bound: what was refused is to be sent again.'
  return { subject: 'writing', value: error.message, verdict: 'bad', advice }
}
