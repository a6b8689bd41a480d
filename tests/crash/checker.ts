/** What must hold of the files, at whatever moment the processes were killed. */
import { checkCleaning } from './cleaning-checker.ts'
import type { DatabaseFile, LogFile } from './files.ts'
import { GroupCheck, groups } from './group-checker.ts'
import type { Kept } from './journal.ts'
import { isShared } from './producer.ts'
import { countBy, type Files, idOf, of, type Published, placeOf, publishedOf, sourceOf } from './published.ts'
import { type Cancel, sourcesOf } from './sources.ts'

/** What the processes wrote down while they ran. */
export interface Observed {
  /** By id, the topic of each record whose publication was acknowledged. */
  readonly acknowledged: ReadonlyMap<string, string>
  /** Commands that were acknowledged. */
  readonly booked: ReadonlySet<string>
  /** Of the topics that are cleaned. */
  readonly kept: readonly Kept[]
  /** By key: when somebody began to delete it. */
  readonly deleting: ReadonlyMap<string, readonly number[]>
  /** By the id of the task. */
  readonly cancels: ReadonlyMap<string, Cancel>
  readonly attempts: readonly {
    readonly group: string
    readonly id: string
    readonly topic: string
    readonly partition: number
    readonly offset: number
    readonly atMs: number
  }[]
  /** When the last process was dead. */
  readonly deadMs: number
}
/** Everything is done: nothing may wait any more. */
export interface CheckOptions {
  readonly isSettled: boolean
}

/** Everything that does not hold, as sentences; none where all does. */
export function findViolations(files: Files, observed: Observed, options: CheckOptions): readonly string[] {
  const published = publishedOf(files)
  const { cancels } = observed
  const violations = [
    ...checkAcknowledged(published, observed),
    ...checkAttempts(files.log, observed),
    ...checkPairs(published),
    ...checkBookings(files.database, published, observed),
    ...checkCleaning(files.log, observed, options),
    ...groups.flatMap((group) => new GroupCheck(group, { files, published, cancels }).violations(options)),
  ]
  // Last: some are found while the rest is read.
  return [...new Set([...files.log.faults, ...files.database.faults, ...violations])]
}

function checkAcknowledged(published: Published, { acknowledged, cancels }: Observed): readonly string[] {
  const counts = countBy(published, (record) => `${record.topic} ${idOf(record)}`)
  const lost = [...acknowledged].filter(([id, topic]) => !counts.has(`${topic} ${id}`))
  const isSentAgain = (id: string) => isShared(id) || cancels.get(id)?.isCancelled
  const doubled = [...counts].filter(([name, count]) => {
    const [topic = '', id = ''] = name.split(' ')
    return count > 1 && ['inputs', 'tasks', 'lefts', 'rights'].includes(topic) && !isSentAgain(id)
  })
  return [
    ...lost.map(([id, topic]) => `${topic} ${id} was acknowledged and is not there`),
    ...doubled.map(([name, count]) => `${name} is there ${count} times`),
  ]
}

/** Nobody saw what is not there, what is not to be done, or anything before its time. */
function checkAttempts({ records }: LogFile, { attempts, cancels, kept }: Observed): readonly string[] {
  const byPlace = new Map(records.map((record) => [placeOf(record), record]))
  const cleaned = new Set(kept.map(({ topic }) => topic))
  const tasks = records.filter(({ topic }) => topic === 'tasks')
  const { copies, cancelled } = sourcesOf(tasks, cancels)
  const idle = new Map([
    ...copies.map((record) => [placeOf(record), 'was sent before'] as const),
    ...cancelled.map((record) => [placeOf(record), 'was cancelled'] as const),
  ])
  return attempts.flatMap((attempt) => {
    const place = placeOf(attempt)
    const record = byPlace.get(place)
    const who = `${attempt.group} had ${attempt.id} of ${place}`
    if (record === undefined && cleaned.has(attempt.topic)) return []
    if (record === undefined || idOf(record) !== attempt.id) return [`${who}, which is not there`]
    const why = idle.get(place)
    if (why !== undefined) return [`${who}, which ${why}`]
    const earlyMs = Number(record.headers.get('millrace-due') ?? 0) - attempt.atMs
    return earlyMs > 0 ? [`${who} ${earlyMs} ms before its time`] : []
  })
}

function checkPairs(published: Published): readonly string[] {
  const [lefts, rights] = ['lefts', 'rights'].map((topic) => new Set(of(published, topic).map(sourceOf)))
  const halves = [...new Set([...lefts!, ...rights!])].filter((source) => !(lefts!.has(source) && rights!.has(source)))
  return halves.map((source) => `half of the transaction ${source} is there`)
}

function checkBookings(database: DatabaseFile, published: Published, { booked }: Observed): readonly string[] {
  const rows = countBy(database.rows('select source from bookings'), ({ source }) => String(source))
  const events = countBy(of(published, 'booked'), sourceOf)
  const known = new Set([...rows.keys(), ...events.keys(), ...booked])
  return [...known].flatMap((source) => {
    const [row, event] = [rows.get(source) ?? 0, events.get(source) ?? 0]
    return row === 1 && event === 1 ? [] : [`booking ${source} has ${row} rows and ${event} events`]
  })
}
