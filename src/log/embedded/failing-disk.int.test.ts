import { describe, expect, it } from 'vitest'
import { MillraceError } from '../../core/errors.ts'
import { poll, staged, values } from '../conformance/harness.ts'
import type { Log } from '../log.ts'
import { ensureTopic, freshPath, readValues, refusal } from './engine.test-support.ts'
import { type Fault, FaultySqlite } from './faulty-sqlite.test-support.ts'
import { LogDamagedError, LogFailedError, LogFullError, openEmbeddedLog } from './index.ts'

const group = 'billing'
const orders = { topic: 'orders', partition: 0 }
const copies = { topic: 'copies', partition: 0 }
const options = { offsetGap: 2, tailCacheBytes: 0 }

type Outcome = 'acknowledged' | Error
/** What became of the units, each with its own value in both topics and, some, with a position of the group. */
interface Work {
  readonly outcomes: Map<string, Outcome>
  /** Positions that were acknowledged, in order. */
  readonly positions: number[]
  readonly otherErrors: unknown[]
}

/** Turns of three units at once, and between them a topic, a read from the file and a look-up by time. */
async function work(log: Log): Promise<Work> {
  const outcomes = new Map<string, Outcome>()
  const positions: number[] = []
  const otherErrors: unknown[] = []
  const attempt = (call: () => Promise<unknown>) => call().catch((error: unknown) => void otherErrors.push(error))
  let position = 0
  const commit = async (value: string, committed?: number) => {
    const offsets = committed === undefined ? {} : { offsets: { group, offsets: [at(committed)] } }
    try {
      await log.commit({ batches: [staged(orders, value), staged(copies, value)], ...offsets })
      if (committed !== undefined) positions.push(committed)
      outcomes.set(value, 'acknowledged')
    } catch (error) {
      outcomes.set(value, error instanceof Error ? error : new Error(String(error)))
    }
  }
  for (const turn of ['a', 'b', 'c']) {
    await Promise.all([commit(`${turn}1`), commit(`${turn}2`, ++position), commit(`${turn}3`)])
    await attempt(() => log.ensureTopics([{ name: `topic-${turn}`, partitions: 2, exact: true }]))
    await attempt(() => pollOnce(log))
    await attempt(() => log.offsets(new Date(1_700_000_000_000), [orders]))
  }
  return { outcomes, positions, otherErrors }
}
const at = (position: number) => ({ ...orders, position, metadata: '' })

async function pollOnce(log: Log): Promise<void> {
  const [end = 0] = await log.offsets('end', [orders])
  const reader = log.createReader()
  try {
    reader.assign(orders, 0)
    if (end > 0) expect(values(await poll(reader))).not.toEqual([])
  } finally {
    await reader.close()
  }
}

async function prepare(log: Log): Promise<void> {
  await ensureTopic(log, 'orders')
  await ensureTopic(log, 'copies')
}

/** How many statements the work takes when none fails. */
async function countStatements(where: { path: string } | { memory: true }): Promise<number> {
  const sqlite = new FaultySqlite()
  await using log = await openEmbeddedLog({ ...where, ...options, openDatabase: sqlite.open })
  await prepare(log)
  sqlite.arm()
  const { outcomes, otherErrors } = await work(log)
  expect(otherErrors).toEqual([])
  expect(outcomes.size).toBe(9)
  return sqlite.count
}

/** Every acknowledged unit is there, no refused one, and none by half; one of unknown outcome may be there. */
async function expectWhole(log: Log, { outcomes, positions }: Work): Promise<void> {
  const found = await readValues(log, orders)
  expect(await readValues(log, copies)).toEqual(found)
  const acknowledged = [...outcomes].filter(([, outcome]) => outcome === 'acknowledged').map(([value]) => value)
  const refused = [...outcomes].filter(([, outcome]) => !isUnknown(outcome) && outcome !== 'acknowledged')
  expect(found).toEqual(expect.arrayContaining(acknowledged))
  expect(found.filter((value) => refused.some(([name]) => name === value))).toEqual([])
  expect(new Set(found).size).toBe(found.length)
  expect(found).toEqual(found.toSorted())
  const [committed] = await log.committed(group, [orders])
  // A unit of unknown outcome moves it together with its records.
  const expected = found.filter((value) => value?.endsWith('2')).map((value) => 'abc'.indexOf(value![0]!) + 1)
  expect(committed?.position).toBe(expected.at(-1))
  expect(expected).toEqual(expect.arrayContaining(positions))
}
const isUnknown = (outcome: Outcome) => outcome instanceof LogFailedError || outcome instanceof LogDamagedError

function expectOwnErrors({ outcomes, otherErrors }: Work): void {
  for (const error of [...outcomes.values(), ...otherErrors]) {
    if (error !== 'acknowledged') expect(error).toBeInstanceOf(MillraceError)
  }
}

const passing: readonly (Fault & { readonly refuses: boolean })[] = [
  { name: 'full', resultCode: 13, statement: 'skipped', refuses: true },
  { name: 'full', resultCode: 13, statement: 'undone', refuses: true },
  { name: 'busy', resultCode: 5, statement: 'skipped', refuses: false },
]
describe.each(passing)('SQLite is $name at any one statement, which is $statement', ({ refuses, ...fault }) => {
  it('the log refuses whole units at most, and goes on', { timeout: 60_000 }, async () => {
    const count = await countStatements({ memory: true })
    for (let failAt = 1; failAt <= count; failAt++) {
      const sqlite = new FaultySqlite()
      await using log = await openEmbeddedLog({ memory: true, ...options, openDatabase: sqlite.open })
      await prepare(log)
      sqlite.arm(fault, failAt)
      const done = await work(log)
      expect(sqlite.failed, `statement ${failAt}`).toBe(true)
      expectOwnErrors(done)
      const refused = [...done.outcomes.values()].filter((outcome) => outcome !== 'acknowledged')
      for (const error of refused) expect(error).toBeInstanceOf(LogFullError)
      if (!refuses) expect(refused, `statement ${failAt}`).toEqual([])
      await expectWhole(log, done)
      await log.commit({ batches: [staged(orders, 'last')] })
      expect((await readValues(log, orders)).at(-1)).toBe('last')
    }
  })
})

const failing: readonly Fault[] = [
  { name: 'an I/O error', resultCode: 10, statement: 'skipped' },
  { name: 'an I/O error', resultCode: 10, statement: 'undone' },
  { name: 'an I/O error', resultCode: 10, statement: 'done' },
  { name: 'a damaged page', resultCode: 11, statement: 'skipped' },
]
describe.each(failing)('SQLite meets $name at any one statement, which is $statement', (fault) => {
  it('the log keeps what it acknowledged, and no unit by half', { timeout: 60_000 }, async () => {
    const count = await countStatements({ path: freshPath() })
    for (let failAt = 1; failAt <= count; failAt++) {
      const path = freshPath()
      const sqlite = new FaultySqlite()
      const log = await openEmbeddedLog({ path, ...options, openDatabase: sqlite.open })
      await prepare(log)
      sqlite.arm(fault, failAt)
      const done = await work(log)
      expect(sqlite.failed, `statement ${failAt}`).toBe(true)
      expectOwnErrors(done)
      const failures = [...done.outcomes.values()].filter((outcome) => outcome !== 'acknowledged')
      for (const error of failures) expect(isUnknown(error), String(error)).toBe(true)
      // A commit that failed ends the log: what it would acknowledge next might stand on something that is lost.
      if (failures.length > 0) {
        expect(await refusal(log.commit({ batches: [staged(orders, 'x')] }))).toBe(failures[0])
        expect(await refusal(log.topics())).toBe(failures[0])
      }
      await log.close()

      await using reopened = await openEmbeddedLog({ path, ...options })
      await expectWhole(reopened, done)
    }
  })
})
