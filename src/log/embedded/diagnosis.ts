import { statfsSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { messageOf } from '../../core/errors.ts'
import { describeProcess, processesReading } from '../../core/sqlite-locks.ts'
import type { Finding, MemberDescription } from '../admin.ts'
import { reading, type SqlDatabase } from './database.ts'
import { fileSystemNameOf } from './file-system.ts'
import { hasWalResetFault } from './sqlite-version.ts'
import { measureSyncsMs } from './sync-rate.ts'

/** What a diagnosis looks at. */
export interface DiagnosisContext {
  readonly database: SqlDatabase
  /** Undefined for a log in memory. */
  readonly path: string | undefined
  readonly sqliteVersion: string
  /** By group. */
  readonly members: ReadonlyMap<string, readonly MemberDescription[]>
}

const slowSyncMs = 10
const lowSpaceBytes = 1024 ** 3
const noSpaceBytes = 100 * 1024 ** 2
const largeWalBytes = 64 * 1024 ** 2
/** Free pages are worth a word from here on, and when they are most of the file. */
const muchFreeBytes = 64 * 1024 ** 2
/** A reader that is seen in each of several looks holds on; the others were just passing. */
const looks = 4
const betweenLooksMs = 25

/** Looks at a log and the machine under it. A part that cannot be looked at is a finding, not an error. */
export async function diagnose(context: DiagnosisContext): Promise<readonly Finding[]> {
  const { path } = context
  const findings = [
    ...(path === undefined ? [inMemory] : describeFile(path, context.database)),
    describeSqlite(context.sqliteVersion),
    ...(path === undefined ? [] : await describeSurroundings(path, context.database)),
  ]
  return [...findings, ...describeMembers(context.members)]
}

const inMemory: Finding = {
  subject: 'file',
  value: 'none: the log is in memory',
  verdict: 'notice',
  advice: 'Nothing of it outlives the process: give a path where it shall.',
}

function describeFile(path: string, database: SqlDatabase): readonly Finding[] {
  const pragma = (name: string) =>
    Number((reading(path, () => database.prepare(`PRAGMA ${name}`).get()) as [number])[0])
  const pageBytes = pragma('page_size')
  const freeBytes = pragma('freelist_count') * pageBytes
  const fileBytes = pragma('page_count') * pageBytes
  const free: Finding = { subject: 'free pages', value: `${size(freeBytes)} of ${size(fileBytes)}`, verdict: 'good' }
  const mostlyFree = freeBytes > muchFreeBytes && freeBytes * 2 > fileBytes
  const advice =
    'Later records use them again. To give them back to the disk, end every process that has the log and run VACUUM on the file.'
  return [
    { subject: 'file', value: `${path}, ${size(fileBytes)}`, verdict: 'good' },
    mostlyFree ? { ...free, verdict: 'notice', advice } : free,
    { subject: 'page size', value: `${pageBytes} bytes`, verdict: 'good' },
  ]
}

function describeSqlite(version: string): Finding {
  if (!hasWalResetFault(version)) return { subject: 'SQLite', value: version, verdict: 'good' }
  return {
    subject: 'SQLite',
    value: `${version}, which can damage a file that two processes write at once`,
    verdict: 'bad',
    advice: 'Run a Node.js with SQLite 3.51.3 or later, and open the log with one process only until then.',
  }
}

async function describeSurroundings(path: string, database: SqlDatabase): Promise<readonly Finding[]> {
  return [
    await attempt('disk', () => describeDisk(path)),
    await attempt('write-ahead log', () => describeWal(path, database)),
    await attempt('file system', async () => describeFileSystem(path)),
    await attempt('space on the disk', async () => describeSpace(path)),
  ]
}

async function attempt(subject: string, look: () => Promise<Finding>): Promise<Finding> {
  try {
    return await look()
  } catch (error) {
    const advice = 'Check the folder of the log and who may read and write it.'
    return { subject, value: `cannot be looked at (${messageOf(error)})`, verdict: 'notice', advice }
  }
}

async function describeDisk(path: string): Promise<Finding> {
  const times = (await measureSyncsMs(path)).toSorted((one, other) => one - other)
  const median = times[Math.floor(times.length / 2)]!
  const value = `${median.toFixed(2)} ms an fsync (median of ${times.length}; ${times.at(-1)!.toFixed(2)} ms the slowest)`
  if (median < slowSyncMs) return { subject: 'disk', value, verdict: 'good' }
  const advice = 'Each commit waits for one fsync: commits made at once share it. Put the log on a faster disk.'
  return { subject: 'disk', value, verdict: 'notice', advice }
}

async function describeWal(path: string, database: SqlDatabase): Promise<Finding> {
  const subject = 'write-ahead log'
  const bytes = statSync(`${path}-wal`, { throwIfNoEntry: false })?.size ?? 0
  const holders = await lastingReaders(path)
  const left = framesLeft(path, database)
  const value = `${size(bytes)}, ${left} pages not yet in the file`
  if (bytes <= largeWalBytes && holders.length === 0) return { subject, value, verdict: 'good' }
  const held = holders.length === 0 ? '' : `; held back by ${holders.map(describeProcess).join(', ')}`
  const advice =
    holders.length === 0
      ? 'It is emptied when no process reads it: look again in a minute.'
      : 'It grows until that process ends its read transaction: close the open statement there, or end the process.'
  return { subject, value: `${value}${held}`, verdict: bytes > largeWalBytes ? 'bad' : 'notice', advice }
}

/** Who read at every one of several looks. */
async function lastingReaders(path: string): Promise<readonly number[]> {
  let lasting = processesReading(path) ?? []
  for (let look = 1; look < looks && lasting.length > 0; look++) {
    await new Promise((resolve) => setTimeout(resolve, betweenLooksMs))
    const now = processesReading(path) ?? []
    lasting = lasting.filter((processId) => now.includes(processId))
  }
  return lasting
}

/** Moves what can be moved, as any checkpoint does, and tells what is left. */
function framesLeft(path: string, database: SqlDatabase): number {
  const row = reading(path, () => database.prepare('PRAGMA wal_checkpoint(NOOP)').get())
  const [, all, moved] = row as [number, number, number]
  return Math.max(0, all - moved)
}

function describeFileSystem(path: string): Finding {
  const subject = 'file system'
  const name = fileSystemNameOf(dirname(path))
  if (name !== 'tmpfs') return { subject, value: name ?? 'unknown here', verdict: 'good' }
  const advice = 'It is in memory: nothing survives a restart of the machine. Put the log on a disk.'
  return { subject, value: name, verdict: 'notice', advice }
}

function describeSpace(path: string): Finding {
  const subject = 'space on the disk'
  const { bavail, bsize } = statfsSync(dirname(path))
  const free = bavail * bsize
  const value = `${size(free)} free`
  if (free >= lowSpaceBytes) return { subject, value, verdict: 'good' }
  const advice = 'Free some, or give topics a retention: commits are refused when none is left.'
  return { subject, value, verdict: free < noSpaceBytes ? 'bad' : 'notice', advice }
}

function describeMembers(members: DiagnosisContext['members']): readonly Finding[] {
  return [...members].flatMap(([group, list]) =>
    list.map(({ id, process, partitions }): Finding => {
      const held = partitions.map(({ topic, partition }) => `${topic}/${partition}`).join(', ') || 'nothing'
      return { subject: `member ${id}`, value: `${process}, group '${group}', holds ${held}`, verdict: 'good' }
    }),
  )
}

function size(bytes: number): string {
  if (bytes < 1024) return `${bytes} bytes`
  const units = ['KB', 'MB', 'GB', 'TB']
  let value = bytes / 1024
  let unit = 0
  for (; value >= 1024 && unit < units.length - 1; unit++) value /= 1024
  return `${value.toFixed(1)} ${units[unit]}`
}
