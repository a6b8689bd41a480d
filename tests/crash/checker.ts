/** What must hold of the files, at whatever moment the processes were killed. */
import type { DatabaseFile, GroupFiles, LogFile, LogRecord, OutboxMessage } from './files.ts'

/** What the processes wrote down while they ran. */
export interface Observed {
  /** By id, the topic of each record whose publication was acknowledged. */
  readonly acknowledged: ReadonlyMap<string, string>
  /** Commands that were acknowledged. */
  readonly booked: ReadonlySet<string>
  readonly attempts: readonly {
    readonly group: string
    readonly id: string
    readonly topic: string
    readonly partition: number
    readonly offset: number
    readonly atMs: number
  }[]
}
export interface Files {
  readonly log: LogFile
  readonly database: DatabaseFile
}
/** Everything is done: nothing may wait any more. */
export interface CheckOptions {
  readonly isSettled: boolean
}

/** A group that puts out one record for each that it has done. */
interface Group {
  readonly name: string
  readonly source: string
  readonly outputs: string
  readonly home: 'log' | 'database'
}
const groups: readonly Group[] = [
  { name: 'copier', source: 'inputs', outputs: 'copies', home: 'log' },
  { name: 'recorder', source: 'inputs', outputs: 'receipts', home: 'database' },
  { name: 'workers', source: 'tasks', outputs: 'results', home: 'log' },
]

/** Everything that does not hold, as sentences; none where all does. */
export function findViolations(files: Files, observed: Observed, options: CheckOptions): readonly string[] {
  const published = publishedOf(files)
  const violations = [
    ...checkAcknowledged(published, observed),
    ...checkAttempts(files.log, observed),
    ...checkPairs(published),
    ...checkBookings(files.database, published, observed),
    ...groups.flatMap((group) => new GroupCheck(group, files, published).violations(options)),
  ]
  // Last: some are found while the rest is read.
  return [...new Set([...files.log.faults, ...files.database.faults, ...violations])]
}

type Published = readonly (OutboxMessage | LogRecord)[]

/** What is in the log, and behind it what a database has committed for it. */
function publishedOf({ log, database }: Files): Published {
  const [position] = log.group(`outbox-${database.id}`).progress
  return [...log.records, ...database.outbox.filter(({ number }) => number >= (position?.position ?? 1))]
}
const idOf = ({ headers }: OutboxMessage): string => headers.get('millrace-id') ?? ''
const sourceOf = ({ value }: OutboxMessage): string => (JSON.parse(value ?? '{}') as { source: string }).source
const of = (published: Published, topic: string): Published => published.filter((record) => record.topic === topic)

function countBy<T>(items: readonly T[], name: (item: T) => string): ReadonlyMap<string, number> {
  const counts = new Map<string, number>()
  for (const item of items) counts.set(name(item), (counts.get(name(item)) ?? 0) + 1)
  return counts
}

function checkAcknowledged(published: Published, { acknowledged }: Observed): readonly string[] {
  const counts = countBy(published, (record) => `${record.topic} ${idOf(record)}`)
  const lost = [...acknowledged].filter(([id, topic]) => !counts.has(`${topic} ${id}`))
  const doubled = [...counts].filter(([name, count]) => count > 1 && /^(inputs|tasks|lefts|rights) /.test(name))
  return [
    ...lost.map(([id, topic]) => `${topic} ${id} was acknowledged and is not there`),
    ...doubled.map(([name, count]) => `${name} is there ${count} times`),
  ]
}

/** Nobody saw what is not there, or before its time. */
function checkAttempts({ records }: LogFile, { attempts }: Observed): readonly string[] {
  const placeOf = ({ topic, partition, offset }: Pick<LogRecord, 'topic' | 'partition' | 'offset'>) =>
    `${topic}/${partition} at ${offset}`
  const byPlace = new Map(records.map((record) => [placeOf(record), record]))
  return attempts.flatMap((attempt) => {
    const record = byPlace.get(placeOf(attempt))
    const who = `${attempt.group} had ${attempt.id} of ${placeOf(attempt)}`
    if (record === undefined || idOf(record) !== attempt.id) return [`${who}, which is not there`]
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

/** Where the records of one group are: each is in one place, and those of a key are done in order. */
class GroupCheck {
  readonly #group: Group
  readonly #sources: readonly LogRecord[]
  readonly #outputs: Published
  readonly #files: GroupFiles
  readonly #rows: readonly string[] | undefined
  readonly #deaths: string[] = []
  /** Dead letters that wait, by the record's id. */
  readonly #dead = new Map<string, number>()
  /** Records that were dead and redriven: they are out of the order of their key. */
  readonly #redriven = new Set<string>()

  constructor(group: Group, files: Files, published: Published) {
    this.#group = group
    this.#sources = files.log.records.filter(({ topic }) => topic === group.source)
    this.#outputs = of(published, group.outputs)
    this.#files = files[group.home].group(group.name)
    if (group.home === 'database')
      this.#rows = files.database.rows('select source from rows order by number').map(({ source }) => String(source))
    for (const letter of of(published, `millrace-dead-letters-${group.name}`)) {
      const { death } = JSON.parse(letter.headers.get('millrace-origin') ?? '{}') as { death: string }
      const id = idOf(letter)
      this.#deaths.push(death)
      if (this.#files.redriven.has(death)) this.#redriven.add(id)
      else this.#dead.set(id, (this.#dead.get(id) ?? 0) + 1)
    }
  }

  violations({ isSettled }: CheckOptions): readonly string[] {
    const { name } = this.#group
    const all = [
      ...this.#places(isSettled),
      ...this.#deathViolations(),
      ...this.#keyOrder(),
      ...this.#outputOrder(this.#outputs.map(sourceOf)),
    ]
    if (this.#rows !== undefined) all.push(...this.#rowViolations(this.#rows))
    return all.map((violation) => `${name}: ${violation}`)
  }

  *#places(isSettled: boolean): Generator<string> {
    const done = countBy(this.#outputs, sourceOf)
    const parked = countBy(this.#files.parked, ({ id }) => id)
    for (const record of this.#sources) {
      const id = idOf(record)
      const places = {
        waiting: this.#isFinished(record) ? 0 : 1,
        parked: parked.get(id) ?? 0,
        dead: this.#dead.get(id) ?? 0,
        done: done.get(id) ?? 0,
      }
      const count = Object.values(places).reduce((sum, place) => sum + place)
      if (count !== 1) yield `${id} is in ${count} places: ${JSON.stringify(places)}`
      else if (isSettled && places.dead + places.done !== 1) yield `${id} was never done: ${JSON.stringify(places)}`
    }
    const known = new Set(this.#sources.map(idOf))
    for (const id of [...done.keys(), ...parked.keys(), ...this.#dead.keys()])
      if (!known.has(id)) yield `${id} came of nothing`
  }

  *#deathViolations(): Generator<string> {
    const counts = countBy(this.#deaths, (death) => death)
    for (const [death, count] of counts) if (count > 1) yield `the death ${death} is there ${count} times`
    for (const death of this.#files.redriven)
      if (!counts.has(death)) yield `the death ${death} was undone and is not there`
  }

  /** Whatever is done of a key, nothing before it is undone. */
  *#keyOrder(): Generator<string> {
    const done = new Set([...this.#outputs.map(sourceOf), ...this.#dead.keys()])
    const undone = new Map<string, string>()
    for (const record of this.#sources) {
      const id = idOf(record)
      if (record.key === null || this.#redriven.has(id)) continue
      const earlier = undone.get(record.key)
      if (done.has(id) && earlier !== undefined) yield `${id} of ${record.key} is done before ${earlier}`
      if (!done.has(id) && earlier === undefined) undone.set(record.key, id)
    }
  }

  /** What was done of a key is in the order of its records. */
  *#outputOrder(sources: readonly string[]): Generator<string> {
    const records = new Map(this.#sources.map((record) => [idOf(record), record]))
    const last = new Map<string, LogRecord>()
    for (const source of sources) {
      const record = records.get(source)
      if (record === undefined || record.key === null || this.#redriven.has(source)) continue
      const before = last.get(record.key)
      if (before !== undefined && before.offset > record.offset)
        yield `${source} of ${record.key} comes behind ${idOf(before)}`
      last.set(record.key, record)
    }
  }

  *#rowViolations(rows: readonly string[]): Generator<string> {
    const outputs = countBy(this.#outputs, sourceOf)
    const counts = countBy(rows, (source) => source)
    for (const source of new Set([...outputs.keys(), ...counts.keys()])) {
      const [row, output] = [counts.get(source) ?? 0, outputs.get(source) ?? 0]
      if (row !== 1 || output !== 1) yield `${source} has ${row} rows and ${output} outputs`
    }
    yield* this.#outputOrder(rows)
  }

  #isFinished({ partition, offset }: LogRecord): boolean {
    const { source } = this.#group
    const progress = this.#files.progress.find((it) => it.topic === source && it.partition === partition)
    return progress !== undefined && (offset < progress.position || progress.finished.has(offset))
  }
}
