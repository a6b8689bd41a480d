/** What killed processes left, for tests that damage it. */
import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { expect, onTestFinished } from 'vitest'
import { findViolations, type Observed } from './checker.ts'
import type { ParkedRecord } from './files.ts'
import { CrashHarness, readFiles } from './harness.ts'
import { isShared } from './producer.ts'
import { type Files, idOf } from './published.ts'
import { SeededRandom } from './random.ts'
import { sourcesOf } from './sources.ts'

/** Some moment, and when all was done. */
export type State = 'killed' | 'settled'
interface Databases {
  readonly log: DatabaseSync
  readonly database: DatabaseSync
}
/** When a kill comes is not in the seed: until then there may not be something of everything. */
const mostRounds = 30

export class DamagedFiles implements Disposable {
  readonly #root = mkdtempSync(join(tmpdir(), 'millrace-checker-'))
  readonly #observed = new Map<State, Observed>()

  /** Kills a plant until there is something of everything to damage, and lets it finish. */
  async prepare(): Promise<void> {
    const folder = mkdtempSync(join(this.#root, 'run-'))
    const harness = new CrashHarness({ folder, processes: 1, random: new SeededRandom(20) })
    for (let round = 1; round <= mostRounds; round++) {
      expect(await harness.round()).toEqual([])
      const files = readFiles(folder)
      if (files !== undefined && hasEverything(files, harness.observed)) break
    }
    this.#keep('killed', folder, harness)
    expect(await harness.finish()).toEqual([])
    this.#keep('settled', folder, harness)
  }
  [Symbol.dispose](): void {
    rmSync(this.#root, { recursive: true, force: true })
  }

  observed(state: State): Observed {
    return this.#observed.get(state)!
  }
  /** As they were left. */
  files(state: State): Files {
    return readFiles(join(this.#root, state))!
  }
  /** What the checker says of a copy of the files that was changed. */
  after(
    state: State,
    damage: (databases: Databases) => void,
    {
      observed = this.observed(state),
      isSettled = state === 'settled',
    }: { readonly observed?: Observed; readonly isSettled?: boolean } = {},
  ): readonly string[] {
    const folder = mkdtempSync(join(this.#root, 'damaged-'))
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
    cpSync(join(this.#root, state), folder, { recursive: true })
    {
      using log = new DatabaseSync(join(folder, 'log.db'), { enableForeignKeyConstraints: false })
      using database = new DatabaseSync(join(folder, 'app.db'))
      damage({ log, database })
    }
    return findViolations(readFiles(folder)!, observed, { isSettled })
  }

  #keep(state: State, folder: string, harness: CrashHarness): void {
    cpSync(folder, join(this.#root, state), { recursive: true })
    this.#observed.set(state, harness.observed)
  }
}

/** A task that waits for its time, which nobody tried to cancel or sent twice. */
export function findDelayed({ log }: Files, { cancels }: Observed): ParkedRecord | undefined {
  const { parked } = log.group('workers')
  return parked.find(({ id, reason }) => reason === 'delayed' && !isShared(id) && !cancels.has(id))
}

function hasEverything(files: Files, observed: Observed): boolean {
  const { log } = files
  const { attempts, cancels } = observed
  const tasks = sourcesOf(
    log.records.filter(({ topic }) => topic === 'tasks'),
    cancels,
  )
  const keeper = log.group('keeper')
  const again = new Set(tasks.toDo.map(idOf))
  const gone = tasks.cancelled.filter((record) => !again.has(idOf(record)))
  const stored = [log.group('copier').parked, keeper.graves, [...keeper.discarded], tasks.copies, gone]
  return (
    attempts.length >= 400 && findDelayed(files, observed) !== undefined && stored.every(({ length }) => length > 0)
  )
}

/** SQL of the numbers of a topic's batches. */
export function batchesOf(topic: string): string {
  return `select b.number from batch b join partition p on p.number = b.partition join topic t on t.number = p.topic where t.name = '${topic}'`
}
export function first(database: DatabaseSync, sql: string): Record<string, number | string> {
  const row = database.prepare(sql).get()
  expect(row, sql).toBeDefined()
  return row as Record<string, number | string>
}

/** Appends the topic's first batch again behind the last one of its partition. */
export function appendAgain(log: DatabaseSync, topic: string): number {
  const { number, partition, hex, last_offset, base_offset } = first(
    log,
    `select *, hex(bytes) as hex from batch where number = (select min(number) from (${batchesOf(topic)}))`,
  )
  const { end } = first(log, `select max(last_offset) + 1 as end from batch where partition = ${partition}`)
  const moved = Buffer.from(String(hex), 'hex')
  moved.writeBigInt64BE(BigInt(end!), 0)
  const last = Number(end) + Number(last_offset) - Number(base_offset)
  log
    .prepare(
      'insert into batch (partition, base_offset, last_offset, highest_timestamp, bytes) values (?, ?, ?, 9e15, ?)',
    )
    .run(Number(partition), Number(end), last, moved)
  return Number(number)
}
