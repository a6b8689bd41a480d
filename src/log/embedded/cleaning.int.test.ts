import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ManualClock } from '../../core/manual-clock.ts'
import { until } from '../conformance/until.ts'
import type { Log } from '../log.ts'
import {
  CleaningModel,
  cleaned,
  cleanOnce,
  ensureTopics,
  events,
  hourMs,
  prices,
  readBatches,
  tombstoneMs,
} from './cleaning-model.test-support.ts'
import { freshPath } from './engine.test-support.ts'
import { type Fault, FaultySqlite } from './faulty-sqlite.test-support.ts'
import { type EmbeddedLogOptions, openEmbeddedLog } from './index.ts'

const cleaning = { intervalMs: 1000, dirtyRatio: 0, minLagMs: 0, tombstoneMs }
const startMs = 1_700_000_000_000

/** A log with time by hand, in memory or a file, and the model of it. */
async function openTrial(options: EmbeddedLogOptions, clock = new ManualClock(startMs)) {
  const log = await openEmbeddedLog({ cleaning, clock, ...options })
  await ensureTopics(log)
  return { log, clock, model: new CleaningModel(clock) }
}
const records = async (log: Log, from = 0) => {
  const found: string[] = []
  for (const batch of await readBatches(log, prices)) {
    const cursor = batch.records()
    while (cursor.next()) if (cursor.offset >= from) found.push(`${cursor.keyText()}=${cursor.valueText()}`)
  }
  return found
}

describe('compaction', () => {
  it('takes a tombstone away when its time has passed since it was compacted first, and no older value comes back', async () => {
    const { log, clock, model } = await openTrial({ memory: true })
    await using _ = log
    await model.append(log, prices, [
      ['apple', '1'],
      ['pear', '1'],
    ])
    await model.append(log, prices, [['apple', null]])
    await model.append(log, prices, [['end', '1']])
    await cleanOnce(clock)
    expect(await records(log)).toEqual(['pear=1', 'apple=null', 'end=1'])
    clock.advanceTo(clock.nowMs() + tombstoneMs - 1_500)
    await cleanOnce(clock)
    expect(await records(log)).toEqual(['pear=1', 'apple=null', 'end=1'])
    await cleanOnce(clock)
    await cleanOnce(clock)
    expect(await records(log)).toEqual(['pear=1', 'end=1'])
    await model.checkCleaned(log)
  })

  it('leaves batches alone that are younger than the lag, unless they are far from the end', async () => {
    const rules = { ...cleaning, minLagMs: hourMs, tailBytes: 50_000 }
    const { log, clock, model } = await openTrial({ memory: true, cleaning: rules })
    await using _ = log
    for (const value of ['1', '2', '3']) await model.append(log, prices, [['a', value]])
    await cleanOnce(clock)
    expect(await records(log)).toEqual(['a=1', 'a=2', 'a=3'])
    await model.append(log, prices, [['big', 'x'.repeat(60_000)]])
    await cleanOnce(clock)
    expect((await records(log)).map((record) => record.slice(0, 3))).toEqual(['a=3', 'big'])
  })

  it('goes in several rounds when there are more keys than fit', async () => {
    const { log, clock, model } = await openTrial({ memory: true, cleaning: { ...cleaning, maxKeys: 3 } })
    await using _ = log
    for (const round of ['1', '2']) {
      for (let key = 0; key < 20; key++) await model.append(log, prices, [[`${key}`, round]])
    }
    const many = Array.from({ length: 10 }, (_, key): [string, string] => [`${key}`, '3'])
    await model.append(log, prices, many)
    await model.append(log, prices, [['end', '1']])
    await cleanOnce(clock)
    await model.checkCleaned(log)
    expect(await records(log)).toHaveLength(21)
  })

  it('waits until enough is new', async () => {
    const { log, clock, model } = await openTrial({ memory: true, cleaning: { ...cleaning, dirtyRatio: 0.5 } })
    await using _ = log
    for (let key = 0; key < 10; key++) await model.append(log, prices, [[`${key}`, '1']])
    await model.append(log, prices, [['0', '2']])
    await cleanOnce(clock)
    const before = await records(log)
    await model.append(log, prices, [['1', '2']])
    await model.append(log, prices, [['end', '1']])
    await cleanOnce(clock)
    expect(await records(log)).toEqual([...before, '1=2', 'end=1'])
    for (let count = 0; count < 12; count++) await model.append(log, prices, [['2', `${count}`]])
    await cleanOnce(clock)
    await model.checkCleaned(log)
  })
})

const key = fc.integer({ min: 0, max: 4 }).map(String)
const value = fc.option(fc.string({ minLength: 0, maxLength: 2000 }), { nil: null, freq: 3 })
const step = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant('append' as const),
      entries: fc.array(fc.tuple(key, value), { minLength: 1, maxLength: 6 }),
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('clean' as const) }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 3 * hourMs }) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('delete' as const), share: fc.double({ min: 0, max: 1, noNaN: true }) }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('reopen' as const) }) },
)

describe('a log that is cleaned', () => {
  it.each([{}, { tailCacheBytes: 0, offsetGap: 2 }, { tailCacheBytes: 3000 }])(
    'holds what the model of it says, whatever is appended, deleted and cleaned: %o',
    { timeout: 120_000 },
    async (options) => {
      const seed = Math.floor(Math.random() * 1e9)
      console.log(`seed ${seed}`)
      await fc.assert(
        fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
          const path = freshPath()
          const trial = await openTrial({ path, ...options })
          const { clock, model } = trial
          let { log } = trial
          try {
            for (const each of steps) {
              if (each.do === 'append') {
                await model.append(log, prices, each.entries)
                await model.append(log, events, each.entries)
              } else if (each.do === 'wait') {
                clock.advanceBy(each.ms)
                await cleaned(clock)
              } else if (each.do === 'delete') {
                const ends = await log.offsets('end', [prices, events])
                const partOf = (end: number) => Math.floor(end * each.share)
                await log.deleteRecords([
                  { ...prices, before: partOf(ends[0]!) },
                  { ...events, before: partOf(ends[1]!) },
                ])
              } else if (each.do === 'reopen') {
                await log.close()
                log = await openEmbeddedLog({ path, cleaning, clock, ...options })
              } else {
                await cleanOnce(clock)
                await model.checkCleaned(log)
                continue
              }
              await model.check(log)
            }
          } finally {
            await log.close()
          }
        }),
        { numRuns: 25, seed },
      )
    },
  )
})

/** Statements of a cleaning that has work of every kind. */
async function prepare(options: EmbeddedLogOptions) {
  const trial = await openTrial({ ...options, cleaning: { ...cleaning, maxKeys: 4 } })
  const { log, clock, model } = trial
  await model.append(log, prices, [
    ['gone', '1'],
    ['apple', '1'],
    ['gone', null],
  ])
  await model.append(log, prices, [['pear', '1']])
  await cleanOnce(clock)
  clock.advanceTo(clock.nowMs())
  for (const round of ['2', '3']) {
    await model.append(log, prices, [
      ['apple', round],
      ['fig', round],
      ['plum', null],
    ])
    await model.append(log, events, [['e', 'x'.repeat(8000)]])
    await model.append(log, prices, [['pear', round]])
    await model.append(log, events, [['e', 'x'.repeat(9000)]])
  }
  return trial
}
const passing: readonly Fault[] = [
  { name: 'full', resultCode: 13, statement: 'skipped' },
  { name: 'full', resultCode: 13, statement: 'undone' },
  { name: 'busy', resultCode: 5, statement: 'skipped' },
]
const fatal: readonly Fault[] = [
  { name: 'ioerr', resultCode: 10, statement: 'skipped' },
  { name: 'ioerr', resultCode: 10, statement: 'undone' },
  { name: 'ioerr', resultCode: 10, statement: 'done' },
]

async function countStatements(): Promise<number> {
  const sqlite = new FaultySqlite()
  const { log, clock, model } = await prepare({ memory: true, openDatabase: sqlite.open })
  await using _ = log
  sqlite.arm()
  await cleanOnce(clock)
  const { count } = sqlite
  await model.checkCleaned(log)
  expect(count).toBeGreaterThan(30)
  return count
}

describe.each(passing)('SQLite is $name at any one statement of a cleaning, which is $statement', (fault) => {
  it('nothing is lost, and the next cleaning does the rest', { timeout: 60_000 }, async () => {
    const count = await countStatements()
    for (let failAt = 1; failAt <= count; failAt++) {
      const sqlite = new FaultySqlite()
      const { log, clock, model } = await prepare({ memory: true, openDatabase: sqlite.open })
      await using _ = log
      sqlite.arm(fault, failAt)
      await cleanOnce(clock)
      expect(sqlite.failed, `statement ${failAt}`).toBe(true)
      await model.check(log)
      await cleanOnce(clock)
      await model.checkCleaned(log)
    }
  })
})

describe.each(fatal)('the disk fails at any one statement of a cleaning, which is $statement', (fault) => {
  it('nothing is lost, and the cleaning after the log was opened again does the rest', {
    timeout: 60_000,
  }, async () => {
    const count = await countStatements()
    for (let failAt = 1; failAt <= count; failAt++) {
      const sqlite = new FaultySqlite()
      const path = freshPath()
      const { log, clock, model } = await prepare({ path, openDatabase: sqlite.open })
      sqlite.arm(fault, failAt)
      clock.advanceTo(clock.nextAtMs!)
      await until('the end of the cleaning, or of the log', async () => {
        return (
          clock.nextAtMs !== undefined ||
          (await log.topics().then(
            () => false,
            () => true,
          ))
        )
      })
      await log.close().catch(() => {})
      await using again = await openEmbeddedLog({ path, cleaning, clock })
      await model.check(again)
      await cleanOnce(clock)
      await model.checkCleaned(again)
    }
  })
})
