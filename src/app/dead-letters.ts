import { type Duration, toMilliseconds } from '../core/duration.ts'
import type { Log, Topic } from '../log/log.ts'
import { BatchWriter, type RecordFields } from '../log/records/batch-writer.ts'
import type { RecordCursor } from '../log/records/record-batch.ts'
import type { Host } from '../runtime/attachment.ts'
import { attemptHeader, errorHeader, idHeader, originHeader } from '../runtime/headers.ts'
import { type DeathNote, deadLetterPrefix, type Origin } from '../runtime/parking/dead-letter.ts'
import { parseOrigin, redriveTopicName } from '../runtime/parking/redrive.ts'

/** A record that a group gave up. */
export interface DeadLetter extends Omit<Origin, 'death'>, DeathNote {
  /** Of this death: what a redrive names. */
  readonly id: string
  readonly recordId: string
  readonly attempts: number
  readonly key: string | null
  /** As it came, as text; null for a tombstone. */
  readonly value: string | null
  /** It was told to be handled again, at least once. */
  readonly isRedriven: boolean
}
/** Which dead letters; every part that is given must fit. */
export interface DeadLetterFilter {
  readonly group?: string
  readonly id?: string
  readonly fingerprint?: string
}
/** How dead letters are handled again. */
export interface RedriveOptions {
  /** Only tells which. */
  readonly dryRun?: boolean
  /** At most so many in this time, evenly. All at once by default. */
  readonly limit?: { readonly count: number; readonly every: Duration }
}

/** The dead letters of all groups in the log. */
export interface DeadLetters {
  /** In the order of their deaths in each partition, those that were redriven too. */
  list(filter?: DeadLetterFilter): Promise<readonly DeadLetter[]>
  /**
   * Tells the groups to handle those that fit and were not redriven yet, each at the head of its key's lane, once. Resolves
   * when that is durable, with what was told; the handlers run after it, with attempts that begin anew.
   */
  redrive(filter: DeadLetterFilter, options?: RedriveOptions): Promise<readonly DeadLetter[]>
}

/** Reads the dead-letter topics from their beginning, and writes to the redrive topics of their groups. */
export function createDeadLetters(host: Host): DeadLetters {
  return {
    list: async (filter = {}) => (await find(await host.log(), filter)).map(({ letter }) => letter),
    redrive: async (filter, { dryRun = false, limit } = {}) => {
      const log = await host.log()
      const found = (await find(log, filter)).filter(({ letter }) => !letter.isRedriven)
      const pauseMs = limit === undefined ? 0 : toMilliseconds(limit.every) / limit.count
      if (!dryRun) {
        for (const [index, dead] of found.entries()) {
          if (index > 0 && pauseMs > 0) await pause(host, pauseMs)
          await tell(log, dead)
          host.progressed()
        }
      }
      return found.map(({ letter }) => letter)
    },
  }
}

interface Dead {
  readonly letter: DeadLetter
  readonly fields: RecordFields
}

async function find(log: Log, { group, id, fingerprint }: DeadLetterFilter): Promise<readonly Dead[]> {
  const topics = await log.topics()
  const wanted = topics.filter(({ name }) =>
    group === undefined ? name.startsWith(deadLetterPrefix) : name === deadLetterPrefix + group,
  )
  const dead: Dead[] = []
  for (const topic of wanted) {
    const redriven = new Set<string>()
    const redrives = topics.find(({ name }) => name === redriveTopicName(topic.name.slice(deadLetterPrefix.length)))
    if (redrives !== undefined) {
      await readAll(log, redrives, (cursor) => {
        redriven.add(parseOrigin(cursor.headerText(originHeader) ?? '')?.death ?? '')
      })
    }
    await readAll(log, topic, (cursor) => {
      const read = readDead(cursor, redriven)
      if (read !== undefined) dead.push(read)
    })
  }
  return dead.filter(
    ({ letter }) =>
      (id === undefined || letter.id === id) && (fingerprint === undefined || letter.fingerprint === fingerprint),
  )
}

function readDead(cursor: RecordCursor, redriven: ReadonlySet<string>): Dead | undefined {
  const origin = parseOrigin(cursor.headerText(originHeader) ?? '')
  const recordId = cursor.headerText(idHeader)
  if (origin === undefined || recordId == null) return undefined
  const note = JSON.parse(cursor.headerText(errorHeader) ?? '{}') as DeathNote
  const attempts = Number(cursor.headerText(attemptHeader) ?? 0)
  const { death: id, ...place } = origin
  const letter: DeadLetter = {
    ...place,
    ...note,
    id,
    recordId,
    attempts,
    key: cursor.keyText(),
    value: cursor.valueText(),
    isRedriven: redriven.has(id),
  }
  const { timestampMs } = cursor
  const fields = { timestampMs, key: cursor.keyBytes(), value: cursor.valueBytes(), headers: cursor.headers() }
  return { letter, fields }
}

async function readAll(log: Log, topic: Topic, visit: (cursor: RecordCursor) => void): Promise<void> {
  const partitions = Array.from({ length: topic.partitions }, (_, partition) => ({ topic: topic.name, partition }))
  const [starts, ends] = await Promise.all([log.offsets('start', partitions), log.offsets('end', partitions)])
  const reader = log.createReader()
  try {
    const left = new Set<number>()
    for (const [partition, start] of starts.entries()) {
      if (start >= ends[partition]!) continue
      reader.assign({ topic: topic.name, partition }, start)
      left.add(partition)
    }
    while (left.size > 0) {
      for (const { partition, batches, position } of await reader.poll()) {
        for (const batch of batches) {
          if (batch.isControl) continue
          const cursor = batch.records()
          while (cursor.next()) visit(cursor)
        }
        if (position >= ends[partition]!) left.delete(partition)
      }
    }
  } finally {
    await reader.close()
  }
}

async function tell(log: Log, { letter: { group, partition }, fields }: Dead): Promise<void> {
  const writer = new BatchWriter()
  writer.append(fields)
  await log.commit({ batches: [{ topic: redriveTopicName(group), partition, batch: writer.finish() }] })
}

function pause({ clock }: Host, pauseMs: number): Promise<void> {
  return new Promise((resolve) => clock.schedule(pauseMs, resolve))
}
