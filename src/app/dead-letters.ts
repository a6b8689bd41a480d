import { type Duration, toMilliseconds } from '../core/duration.ts'
import type { Log } from '../log/log.ts'
import type { RecordFields } from '../log/records/batch-writer.ts'
import type { RecordCursor } from '../log/records/record-batch.ts'
import {
  attemptHeader,
  errorHeader,
  idHeader,
  originHeader,
  redrivesHeader,
  versionHeader,
} from '../runtime/headers.ts'
import { commandId } from '../runtime/parking/answers.ts'
import {
  commandTopic,
  encodeDiscard,
  encodeRedrive,
  type Outcome,
  parseDeathNote,
  parseOrigin,
  peekCommand,
} from '../runtime/parking/command.ts'
import { type DeathNote, deadLetterPrefix, type Origin } from '../runtime/parking/dead-letter.ts'
import { awaitOutcomes, type Told, tellGroups } from './commands.ts'
import { editPayload } from './edited-payload.ts'
import type { AppHost } from './host.ts'
import { checkLetterFilter, checkTold } from './operator-options.ts'
import { readTopic } from './read-topic.ts'

/** A record that a group gave up. */
export interface DeadLetter extends Omit<Origin, 'death'>, DeathNote {
  /** Of this death: what a redrive names. */
  readonly id: string
  readonly recordId: string
  readonly attempts: number
  /** How often it was dead and handled again before this death. */
  readonly redrives: number
  /** Of its topic's shape (`version`), 1 where it says none. */
  readonly version: number
  readonly key: string | null
  /** As it came, as text; null for a tombstone. */
  readonly value: string | null
  /** It was told to be handled again, at least once. */
  readonly isRedriven: boolean
  /** It was told not to be handled again. */
  readonly isDiscarded: boolean
}
/** Which dead letters; every part that is given must fit. */
export interface DeadLetterFilter {
  readonly group?: string
  /** Where the record came from. */
  readonly topic?: string
  readonly id?: string
  readonly fingerprint?: string
  /** At most so many, the oldest of each partition first. No limit by default. */
  readonly limit?: number
}
/** One dead letter, with what its record is to be instead. */
export interface EditedDeadLetter {
  readonly id: string
  /** In the shape that a publisher gives; the key stays what it is. */
  readonly value: unknown
}
/** How dead letters are handled again. */
export interface RedriveOptions {
  /** Only tells which. */
  readonly dryRun?: boolean
  /** At most so many in this time, evenly. All at once by default. */
  readonly limit?: { readonly count: number; readonly every: Duration }
  /** Waits for the groups to carry it out, at most so long. Not at all by default. */
  readonly wait?: Duration
}
/** How dead letters are given up for good. */
export type DiscardOptions = Omit<RedriveOptions, 'limit'>

/** A dead letter about which its group was told something. */
export interface ToldDeadLetter extends DeadLetter {
  /**
   * What became of it, as far as was waited for: `'pending'` while its group has not answered, also because it does not
   * run. Of one that was told something else before: what became of that.
   */
  readonly outcome: Outcome | 'pending'
}
/** Dead letters of one cause that nobody has redriven or discarded. */
export interface DeadLetterCount extends Pick<DeadLetter, 'group' | 'topic' | 'fingerprint' | 'name' | 'message'> {
  readonly count: number
  readonly firstFailedAt: string
  readonly lastFailedAt: string
}

/** The dead letters of all groups in the log, from any process that has it open. */
export interface DeadLetters {
  /** In the order of their deaths in each partition, those that were redriven or discarded too. */
  list(filter?: DeadLetterFilter): Promise<readonly DeadLetter[]>
  /** By group, topic and fingerprint, most first; name and message are of the last one. */
  count(filter?: Omit<DeadLetterFilter, 'limit'>): Promise<readonly DeadLetterCount[]>
  /**
   * Tells the groups to handle those that fit and were not redriven or discarded yet, each at the head of its key's lane,
   * once. Resolves when that is durable, with what was told; the handlers run after it, with attempts that begin anew. A
   * group that does not run carries it out when it does. `{}` means all of them; a part that is there and undefined is
   * refused (`InvalidOptionsError`), for it would mean all as well.
   *
   * With `value`, the record is handled with that in place of its own; its topic must be one of this app
   * (`UndefinedTopicError`). Throws `InvalidEventError` with every fault, and nothing is told.
   */
  redrive(which: DeadLetterFilter | EditedDeadLetter, options?: RedriveOptions): Promise<readonly ToldDeadLetter[]>
  /**
   * Gives up for good those that fit and were not redriven or discarded yet: a redrive that comes later does nothing. Where
   * followers wait behind one (`'dead-letter-in-order'`), they go on. `{}` means all of them, as for `redrive`.
   */
  discard(which: DeadLetterFilter, options?: DiscardOptions): Promise<readonly ToldDeadLetter[]>
}

/** Reads the dead-letter topics from their beginning, and writes to the topics of commands of their groups. */
export function createDeadLetters(host: AppHost): DeadLetters {
  const newId = () => commandId(host.clock.nowMs(), host.newId)
  return {
    list: async (filter = {}) => {
      checkLetterFilter('deadLetters.list', filter)
      const { limit = Number.POSITIVE_INFINITY } = filter
      const letters: DeadLetter[] = []
      await visit(await host.log(), filter, ({ letter }) => {
        if (letters.length < limit) letters.push(letter)
      })
      return letters
    },
    count: async (filter = {}) => {
      checkLetterFilter('deadLetters.count', filter)
      const counts = new Map<string, DeadLetterCount>()
      await visit(await host.log(), filter, ({ letter }) => countOpen(letter, counts))
      return [...counts.values()].sort((one, other) => other.count - one.count)
    },
    redrive: async (which, options = {}) => {
      checkTold('deadLetters.redrive', { which, options })
      const log = await host.log()
      const edit =
        'value' in which ? (dead: Dead) => editPayload(host, dead, which.value) : ({ fields }: Dead) => fields
      return tell(host, await findOpen(log, which), options, (dead) => encodeRedrive(newId(), edit(dead)))
    },
    discard: async (which, options = {}) => {
      checkTold('deadLetters.discard', { which, options })
      const log = await host.log()
      return tell(host, await findOpen(log, which), options, ({ fields }) => encodeDiscard(newId(), fields))
    },
  }
}

/** A dead letter with its record. */
export interface Dead {
  readonly letter: DeadLetter
  readonly fields: RecordFields
}

async function tell(
  host: AppHost,
  found: readonly Dead[],
  { dryRun = false, limit, wait = 0 }: RedriveOptions,
  encode: (dead: Dead) => { readonly id: string; readonly fields: RecordFields },
): Promise<readonly ToldDeadLetter[]> {
  const log = await host.log()
  // All of them, before the first is told: one that cannot be is a fault of the call.
  const told: readonly Told[] = found.map((dead) => {
    const { group, topic, partition } = dead.letter
    return { group, topic, partition, ...encode(dead) }
  })
  if (dryRun) return found.map(({ letter }) => ({ ...letter, outcome: 'pending' }))
  const pauseMs = limit === undefined ? 0 : toMilliseconds(limit.every) / limit.count
  if (pauseMs === 0) await tellGroups(host, log, told)
  else {
    for (const [index, one] of told.entries()) {
      if (index > 0) await new Promise<void>((resolve) => host.clock.schedule(pauseMs, resolve))
      await tellGroups(host, log, [one])
    }
  }
  const outcomes = await awaitOutcomes(host, log, told, wait)
  return found.map(({ letter }, index) => ({ ...letter, outcome: outcomes[index]! }))
}

async function findOpen(log: Log, { limit = Number.POSITIVE_INFINITY, ...filter }: DeadLetterFilter) {
  const found: Dead[] = []
  await visit(log, filter, (dead) => {
    const { isRedriven, isDiscarded } = dead.letter
    if (!isRedriven && !isDiscarded && found.length < limit) found.push(dead)
  })
  return found
}

/** Shows each one that fits, and keeps none: there may be more than memory has room for. */
async function visit(
  log: Log,
  { group, id, fingerprint, topic: origin }: DeadLetterFilter,
  see: (dead: Dead) => void,
): Promise<void> {
  const topics = await log.topics()
  const wanted = topics.filter(({ name }) =>
    group === undefined ? name.startsWith(deadLetterPrefix) : name === deadLetterPrefix + group,
  )
  for (const topic of wanted) {
    const told = new Map<string, string>()
    const commands = topics.find(({ name }) => name === commandTopic(topic.name.slice(deadLetterPrefix.length)))
    if (commands !== undefined) {
      await readTopic(log, commands, (cursor) => {
        const command = peekCommand(cursor)
        // The first one is carried out.
        if (command !== undefined && !told.has(command.death)) told.set(command.death, command.kind)
      })
    }
    await readTopic(log, topic, (cursor) => {
      const read = readDead(cursor, told)
      if (read === undefined) return
      const { letter } = read
      if (id !== undefined && letter.id !== id) return
      if (fingerprint !== undefined && letter.fingerprint !== fingerprint) return
      if (origin !== undefined && letter.topic !== origin) return
      see(read)
    })
  }
}

/** Of a dead letter whose note was lost on the way: somebody copied it without its headers. */
const unknownDeath: DeathNote = { name: 'Error', message: '', fingerprint: '', firstFailedAt: '', lastFailedAt: '' }

function readDead(cursor: RecordCursor, told: ReadonlyMap<string, string>): Dead | undefined {
  const origin = parseOrigin(cursor.headerText(originHeader) ?? '')
  const recordId = cursor.headerText(idHeader)
  if (origin === undefined || recordId == null) return undefined
  const note = { ...unknownDeath, ...parseDeathNote(cursor.headerText(errorHeader)) }
  const { death: id, ...place } = origin
  const letter: DeadLetter = {
    ...place,
    ...note,
    id,
    recordId,
    attempts: Number(cursor.headerText(attemptHeader) ?? 0),
    version: Number(cursor.headerText(versionHeader) ?? 1),
    redrives: Number(cursor.headerText(redrivesHeader) ?? 0),
    key: cursor.keyText(),
    value: cursor.valueText(),
    isRedriven: told.get(id) === 'redrive',
    isDiscarded: told.get(id) === 'discard',
  }
  const { timestampMs } = cursor
  const fields = { timestampMs, key: cursor.keyBytes(), value: cursor.valueBytes(), headers: cursor.headers() }
  return { letter, fields }
}

/** Adds it to the count of its cause, unless somebody was told something about it. */
function countOpen(letter: DeadLetter, counts: Map<string, DeadLetterCount>): void {
  const { group, topic, fingerprint, name, message, isRedriven, isDiscarded, ...times } = letter
  if (isRedriven || isDiscarded) return
  const cause = JSON.stringify([group, topic, fingerprint])
  const before = counts.get(cause)
  const first = before?.firstFailedAt ?? times.firstFailedAt
  counts.set(cause, {
    group,
    topic,
    fingerprint,
    name,
    message,
    count: (before?.count ?? 0) + 1,
    firstFailedAt: first < times.firstFailedAt ? first : times.firstFailedAt,
    lastFailedAt: times.lastFailedAt,
  })
}
