/** Which processes have a SQLite file: who writes it, and who keeps its write-ahead log from being emptied. */
import { readFileSync, statSync } from 'node:fs'

/** The bytes of `-shm` that connections lock while they read (SQLite's wal-index: WAL_READ_LOCK 0 to 4). */
const readLocks = { first: 123, last: 127 }
/** The byte that a connection locks while it writes (WAL_WRITE_LOCK). */
const writeLock = { first: 120, last: 120 }
interface Bytes {
  readonly first: number
  readonly last: number
}

/**
 * The processes that read the SQLite file at this moment, this one perhaps among them. Undefined where the system does
 * not tell: only Linux lists its locks, and not those of other containers.
 *
 * The file is not opened for it: closing a descriptor of it would drop this process's own locks.
 */
export function processesReading(path: string): readonly number[] | undefined {
  return processesLocking(path, readLocks)
}

/** The process that writes the SQLite file at this moment, as `processesReading` tells it. */
export function processesWriting(path: string): readonly number[] | undefined {
  return processesLocking(path, writeLock)
}

function processesLocking(path: string, bytes: Bytes): readonly number[] | undefined {
  try {
    const locks = readFileSync('/proc/locks', 'utf8')
    const { ino } = statSync(`${path}-shm`)
    return [...new Set(locks.split('\n').flatMap((line) => holderIn(line, ino, bytes)))]
  } catch {
    return undefined
  }
}

/** `12: POSIX  ADVISORY  READ 4711 fe:00:123456 124 124`: kind, process, device and inode, bytes. */
function holderIn(line: string, inode: number, { first, last }: Bytes): readonly number[] {
  const [, kind, , , processId, file = '', from, to] = line.trim().split(/\s+/)
  if (kind !== 'POSIX' || file.split(':')[2] !== String(inode)) return []
  const overlaps = Number(from) <= last && Number(to) >= first
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
