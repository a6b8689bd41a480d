/** What must hold of one group. */
import type { CheckOptions } from './checker.ts'
import type { GroupFiles, LogRecord } from './files.ts'
import { countBy, type Files, idOf, of, type Published, placeOf, sourceOf } from './published.ts'
import { type Cancel, type Sources, sourcesOf } from './sources.ts'

/** A group that puts out one record for each that it has done. */
interface Group {
  readonly name: string
  readonly source: string
  readonly outputs: string
  readonly home: 'log' | 'database'
  /** Its table, with a row for each that it has done. */
  readonly table?: string
  /** Dead records keep their keys waiting. */
  readonly isInOrder?: boolean
}
export const groups: readonly Group[] = [
  { name: 'copier', source: 'inputs', outputs: 'copies', home: 'log' },
  { name: 'recorder', source: 'inputs', outputs: 'receipts', home: 'database', table: 'rows' },
  { name: 'workers', source: 'tasks', outputs: 'results', home: 'log' },
  { name: 'keeper', source: 'inputs', outputs: 'kept', home: 'log', isInOrder: true },
  { name: 'batcher', source: 'inputs', outputs: 'batched', home: 'log' },
  { name: 'loader', source: 'inputs', outputs: 'loaded', home: 'database', table: 'loads', isInOrder: true },
]

/** Where the records of one group are: each is in one place, and those of a key are done in order. */
export class GroupCheck {
  readonly #group: Group
  readonly #sources: Sources
  readonly #outputs: Published
  readonly #files: GroupFiles
  readonly #rows: readonly string[] | undefined
  readonly #deaths: string[] = []
  /** Deaths that wait, and those that are for good, by the record's id. */
  readonly #dead = new Map<string, number>()
  readonly #discarded = new Map<string, number>()
  readonly #openDeaths = new Set<string>()
  /** Records that were dead and redriven: they are out of the order of their key. */
  readonly #redriven = new Set<string>()

  constructor(
    group: Group,
    {
      files,
      published,
      cancels,
    }: { readonly files: Files; readonly published: Published; readonly cancels: ReadonlyMap<string, Cancel> },
  ) {
    this.#group = group
    const records = files.log.records.filter(({ topic }) => topic === group.source)
    this.#sources = sourcesOf(records, cancels)
    this.#outputs = of(published, group.outputs)
    this.#files = files[group.home].group(group.name)
    if (group.table !== undefined)
      this.#rows = files.database
        .rows(`select source from ${group.table} order by number`)
        .map(({ source }) => String(source))
    for (const letter of of(published, `millrace-dead-letters-${group.name}`)) {
      const { death } = JSON.parse(letter.headers.get('millrace-origin') ?? '{}') as { death: string }
      const id = idOf(letter)
      this.#deaths.push(death)
      if (this.#files.redriven.has(death)) {
        if (!group.isInOrder) this.#redriven.add(id)
      } else if (this.#files.discarded.has(death)) this.#discarded.set(id, (this.#discarded.get(id) ?? 0) + 1)
      else {
        this.#dead.set(id, (this.#dead.get(id) ?? 0) + 1)
        this.#openDeaths.add(death)
      }
    }
  }

  violations({ isSettled }: CheckOptions): readonly string[] {
    const { name } = this.#group
    const all = [
      ...this.#places(isSettled),
      ...this.#idleViolations(isSettled),
      ...this.#deathViolations(),
      ...this.#graveViolations(),
      ...this.#keyOrder(),
      ...this.#outputOrder(this.#outputs.map(sourceOf)),
    ]
    if (this.#rows !== undefined) all.push(...this.#rowViolations(this.#rows))
    return all.map((violation) => `${name}: ${violation}`)
  }

  *#places(isSettled: boolean): Generator<string> {
    const done = countBy(this.#outputs, sourceOf)
    const parked = countBy(this.#files.parked, ({ id }) => id)
    const { toDo, perhapsCancelled } = this.#sources
    for (const record of toDo) {
      const id = idOf(record)
      const places = {
        waiting: this.#isFinished(record) ? 0 : 1,
        parked: parked.get(id) ?? 0,
        dead: (this.#dead.get(id) ?? 0) + (this.#discarded.get(id) ?? 0),
        done: done.get(id) ?? 0,
      }
      const count = Object.values(places).reduce((sum, place) => sum + place)
      if (count === 0 && perhapsCancelled.has(id)) continue
      if (count !== 1) yield `${id} is in ${count} places: ${JSON.stringify(places)}`
      else if (isSettled && places.dead + places.done !== 1) yield `${id} was never done: ${JSON.stringify(places)}`
    }
    const known = new Set(toDo.map(idOf))
    for (const id of [...done.keys(), ...parked.keys(), ...this.#dead.keys(), ...this.#discarded.keys()])
      if (!known.has(id)) yield `${id} came of nothing`
  }

  /** What was cancelled, and what was sent before, is passed over. */
  *#idleViolations(isSettled: boolean): Generator<string> {
    const { cancelled, copies } = this.#sources
    const parked = new Set(this.#files.parked.map(placeOf))
    for (const record of cancelled) {
      const { partition, offset } = record
      const isToSkip = this.#isFinished(record) || this.#files.cancelled.has(`${partition}/${offset}`)
      if (!isToSkip) yield `${idOf(record)} was cancelled and is to be done`
    }
    for (const [records, what] of [
      [cancelled, 'was cancelled'],
      [copies, 'was sent before'],
    ] as const) {
      for (const record of records) {
        const where = `${idOf(record)} of ${placeOf(record)}`
        if (parked.has(placeOf(record))) yield `${where} ${what} and waits`
        if (isSettled && !this.#isFinished(record)) yield `${where} ${what} and was not passed over`
      }
    }
  }

  *#deathViolations(): Generator<string> {
    const counts = countBy(this.#deaths, (death) => death)
    for (const [death, count] of counts) if (count > 1) yield `the death ${death} is there ${count} times`
    for (const death of [...this.#files.redriven, ...this.#files.discarded])
      if (!counts.has(death)) yield `the death ${death} was undone and is not there`
  }

  /** Where a death keeps its key waiting, each that is open has one grave, and nothing else has. */
  *#graveViolations(): Generator<string> {
    const counts = countBy(this.#files.graves, ({ death }) => death ?? '')
    for (const [death, count] of counts) {
      if (!this.#group.isInOrder || !this.#openDeaths.has(death)) yield `the grave of ${death} has no death`
      if (count > 1) yield `the death ${death} has ${count} graves`
    }
    if (!this.#group.isInOrder) return
    for (const death of this.#openDeaths) if (!counts.has(death)) yield `the death ${death} has no grave`
  }

  /** Whatever is done of a key, nothing before it is undone. */
  *#keyOrder(): Generator<string> {
    const done = new Set([...this.#outputs.map(sourceOf), ...this.#discarded.keys()])
    if (!this.#group.isInOrder) for (const id of this.#dead.keys()) done.add(id)
    const undone = new Map<string, string>()
    for (const record of this.#sources.toDo) {
      const id = idOf(record)
      if (record.key === null || this.#redriven.has(id)) continue
      const earlier = undone.get(record.key)
      if (done.has(id) && earlier !== undefined) yield `${id} of ${record.key} is done before ${earlier}`
      if (!done.has(id) && earlier === undefined) undone.set(record.key, id)
    }
  }

  /** What was done of a key is in the order of its records. */
  *#outputOrder(sources: readonly string[]): Generator<string> {
    const records = new Map(this.#sources.toDo.map((record) => [idOf(record), record]))
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
