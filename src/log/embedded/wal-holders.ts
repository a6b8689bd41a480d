/** Who keeps a write-ahead log from being emptied. */
import { readFileSync, statSync } from 'node:fs'

/** The bytes of `-shm` that connections lock while they read (SQLite's wal-index: WAL_READ_LOCK 0 to 4). */
const firstReadLock = 123
const lastReadLock = 127

/**
 * The processes that read the SQLite file at this moment, this one perhaps among them. Undefined where the system does
 * not tell: only Linux lists its locks, and not those of other containers.
 *
 * The file is not opened for it: closing a descriptor of it would drop this process's own locks.
 */
export function processesReading(path: string): readonly number[] | undefined {
  try {
    const locks = readFileSync('/proc/locks', 'utf8')
    const { ino } = statSync(`${path}-shm`)
    return [...new Set(locks.split('\n').flatMap((line) => readerIn(line, ino)))]
  } catch {
    return undefined
  }
}

/** `12: POSIX  ADVISORY  READ 4711 fe:00:123456 124 124`: kind, process, device and inode, bytes. */
function readerIn(line: string, inode: number): readonly number[] {
  const [, kind, , , processId, file = '', from, to] = line.trim().split(/\s+/)
  if (kind !== 'POSIX' || file.split(':')[2] !== String(inode)) return []
  const overlaps = Number(from) <= lastReadLock && Number(to) >= firstReadLock
  return overlaps && Number(processId) > 0 ? [Number(processId)] : []
}

/** For people: `process 4711 (sqlite3)`. */
export function describeProcess(processId: number): string {
  if (processId === process.pid) return `this process (${processId})`
  try {
    return `process ${processId} (${readFileSync(`/proc/${processId}/comm`, 'utf8').trim()})`
  } catch {
    return `process ${processId}`
  }
}
