import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Observed } from './checker.ts'
import { batchesOf, DamagedFiles, findDelayed } from './damaged-files.ts'
import type { LogRecord } from './files.ts'
import type { Kept } from './journal.ts'
import { idOf } from './published.ts'
import { type Cancel, type Sources, sourcesOf } from './sources.ts'
import { bounds } from './topics.ts'

/** What the checker finds of tasks that are sent twice or cancelled, of graves, and of what is cleaned. */
const damaged = new DamagedFiles()
let tasks: Sources
let killed: Observed
let settled: Observed
beforeAll(async () => {
  await damaged.prepare()
  killed = damaged.observed('killed')
  settled = damaged.observed('settled')
  const { records } = damaged.files('settled').log
  tasks = sourcesOf(
    records.filter(({ topic }) => topic === 'tasks'),
    settled.cancels,
  )
}, 180_000)
afterAll(() => damaged[Symbol.dispose]())

const unchanged = () => {}
const attemptAt = (record: LogRecord) => ({
  ...record,
  group: 'workers',
  id: idOf(record),
  atMs: Number.MAX_SAFE_INTEGER,
})
const withAttempt = (record: LogRecord): Observed => ({
  ...settled,
  attempts: [...settled.attempts, attemptAt(record)],
})
const withCancel = (observed: Observed, id: string, cancel: Cancel): Observed => ({
  ...observed,
  cancels: new Map([...observed.cancels, [id, cancel]]),
})
const granted = { asked: 1, refused: 0, isCancelled: true }
const refused = { asked: 1, refused: 1, isCancelled: false }
const unanswered = { asked: 1, refused: 0, isCancelled: false }
/** A cancelled one that nobody sent again. */
const goneTask = () => {
  const again = new Set(tasks.toDo.map(idOf))
  return tasks.cancelled.find((record) => !again.has(idOf(record)))!
}

describe('of tasks that were sent twice the checker', () => {
  it('finds a copy that was begun', () => {
    const found = damaged.after('settled', unchanged, { observed: withAttempt(tasks.copies[0]!) })
    expect(found).toEqual([expect.stringMatching(/^workers had \S+ of tasks\/\d at \d+, which was sent before$/)])
  })

  it('finds a copy that waits, and one that was not passed over', () => {
    const { partition, offset } = tasks.copies[0]!
    const found = damaged.after('settled', ({ log }) => {
      const place = `partition = (select number from partition where partition = ${partition} and topic = (select number from topic where name = 'tasks'))`
      const head = JSON.stringify({ id: idOf(tasks.copies[0]!), offset, reason: 'delayed' })
      log.exec(`insert into store_entry (store, key, value)
        select number, x'684000000000000001', cast('${head}' as blob) from store where "group" = 'workers' and name = 'parked' and ${place}`)
      log.exec(`update committed_offset set position = ${offset}, metadata = '' where "group" = 'workers' and ${place}`)
    })
    expect(found).toContainEqual(expect.stringMatching(/^workers: shared-\S+ of \S+ at \d+ was sent before and waits$/))
    expect(found).toContainEqual(
      expect.stringMatching(/^workers: shared-\S+ of \S+ at \d+ was sent before and was not passed over$/),
    )
  })
})

describe('of tasks that were cancelled the checker', () => {
  it('finds one that was begun', () => {
    const found = damaged.after('settled', unchanged, { observed: withAttempt(tasks.cancelled[0]!) })
    expect(found).toEqual([expect.stringMatching(/^workers had \S+ of tasks\/\d at \d+, which was cancelled$/)])
  })

  it('finds one that was done', () => {
    // Of one that was sent twice the second would have been to do.
    const copied = new Set(tasks.copies.map(idOf))
    const done = tasks.toDo.find((record) => {
      return record.headers.has('millrace-due') && !settled.cancels.has(idOf(record)) && !copied.has(idOf(record))
    })!
    const observed = withCancel(settled, idOf(done), granted)
    expect(damaged.after('settled', unchanged, { observed })).toContain(`workers: ${idOf(done)} came of nothing`)
  })

  it('finds one that waits still', () => {
    const waiting = findDelayed(damaged.files('killed'), killed)!
    const found = damaged.after('killed', unchanged, { observed: withCancel(killed, waiting.id, granted) })
    expect(found).toContainEqual(
      expect.stringMatching(new RegExp(`^workers: ${waiting.id} of \\S+ at \\d+ was cancelled and waits$`)),
    )
  })

  it('finds one that is yet to come and is not marked', () => {
    const { partition, offset } = goneTask()
    const found = damaged.after(
      'settled',
      ({ log }) =>
        log.exec(`update committed_offset set position = ${offset}, metadata = '' where "group" = 'workers' and partition =
          (select number from partition where partition = ${partition} and topic = (select number from topic where name = 'tasks'))`),
      { isSettled: false },
    )
    expect(found).toContain(`workers: ${idOf(goneTask())} was cancelled and is to be done`)
  })

  it('finds one that could not be cancelled and is not done', () => {
    const id = idOf(goneTask())
    const check = (cancel: Cancel) => damaged.after('settled', unchanged, { observed: withCancel(settled, id, cancel) })
    expect(check(refused)).toContainEqual(expect.stringMatching(new RegExp(`^workers: ${id} is in 0 places: `)))
    expect(check(unanswered)).toEqual([])
  })
})

describe('of dead records that others wait for the checker', () => {
  const graves = `hex(substr(key, 1, 1)) = '68' and value like '%"dead"%'`
  it.each([
    [`delete from store_entry where ${graves}`, /^keeper: the death \S+ has no grave$/],
    [
      `insert into store_entry (store, key, value) select store, x'684000000000ffffff', value from store_entry where ${graves} limit 1`,
      /^keeper: the death \S+ has 2 graves$/,
    ],
    [
      `update store_entry set value = cast(replace(cast(value as text), '"death":"', '"death":"x') as blob) where ${graves}`,
      /^keeper: the grave of x\S+ has no death$/,
    ],
  ])('finds what %s did', (sql, violation) => {
    const found = damaged.after('killed', ({ log }) => void log.exec(sql))
    expect(found).toContainEqual(expect.stringMatching(violation))
  })

  it('finds one that others did not wait for, and one of which nothing became', () => {
    const marks = (log: { exec(sql: string): void }, change: string) =>
      log.exec(`${change} hex(substr(key, 1, 1)) = '72' and cast(value as text) like '% discarded'`)
    const open = damaged.after('settled', ({ log }) => marks(log, 'delete from store_entry where'))
    expect(open).toContainEqual(expect.stringMatching(/^keeper: p\d+-\d+ of key-\d is done before p\d+-\d+$/))
    const undone = damaged.after('settled', ({ log }) =>
      marks(log, `update store_entry set value = cast('9e15 redriven' as blob) where`),
    )
    expect(undone).toContainEqual(expect.stringMatching(/^keeper: p\d+-\d+ is in 0 places: /))
  })
})

describe('of topics that are cleaned the checker', () => {
  const isAt =
    ({ topic, partition, offset }: Kept) =>
    (record: LogRecord) =>
      record.topic === topic && record.partition === partition && record.offset === offset
  /** The last that was acknowledged and is in the file, of those that fit. */
  const lastKept = (fits: (one: Kept) => boolean) => {
    const { records } = damaged.files('settled').log
    return settled.kept.findLast((one) => fits(one) && records.some(isAt(one)))!
  }
  /** Without the batch of this record, at a time. */
  const afterLoss = ({ topic, partition, offset }: Kept, deadMs: number) =>
    damaged.after(
      'settled',
      ({ log }) =>
        log.exec(`delete from batch where number in (${batchesOf(topic)} and p.partition = ${partition}
          and ${offset} between b.base_offset and b.last_offset)`),
      { observed: { ...settled, deadMs } },
    )
  const muchLater = () => settled.deadMs + 60 * 60_000

  it('finds a last value that is gone', () => {
    const { records } = damaged.files('settled').log
    const isLast = ({ key, offset }: Kept) =>
      !records.some((record) => record.topic === 'states' && record.key === key && record.offset > offset)
    // Of a key that nobody wanted to delete: a tombstone without an answer would explain the loss.
    const one = lastKept((kept) => kept.topic === 'states' && !settled.deleting.has(kept.key) && isLast(kept))
    expect(afterLoss(one, muchLater())).toContainEqual(
      expect.stringMatching(new RegExp(` at ${one.offset} is gone: it was the last value of ${one.key}$`)),
    )
  })

  it('finds a value that is gone too early', () => {
    const one = lastKept(({ topic }) => topic === 'states')
    expect(afterLoss(one, one.sentMs + bounds.minLagMs - 1)).toContainEqual(
      expect.stringMatching(new RegExp(` of states/${one.partition} at ${one.offset} is gone: it is \\d+ ms old$`)),
    )
  })

  it('finds a value that is there again', () => {
    const { key } = damaged.files('settled').log.records.find(({ topic }) => topic === 'states')!
    const before = settled.kept.find(({ topic }) => topic === 'states')!
    const tombstone = { ...before, key: key!, id: 'gone', isTombstone: true, offset: 9_999 }
    const observed = { ...settled, kept: [...settled.kept, tombstone] }
    expect(damaged.after('settled', unchanged, { observed })).toContainEqual(
      expect.stringMatching(/^gone of states\/\d at 9999 is gone: its key state-\d+ is there again$/),
    )
  })

  it('finds a record behind the start that is gone', () => {
    const one = lastKept(({ topic }) => topic === 'lasts')
    expect(afterLoss(one, muchLater())).toContainEqual(
      expect.stringMatching(
        new RegExp(` of lasts/${one.partition} at ${one.offset} is gone: the partition begins at \\d+$`),
      ),
    )
  })

  it('finds a record that was deleted before its time, or where too little is left', () => {
    const deleteAll = (topic: string, deadMs: number) =>
      damaged.after(
        'settled',
        ({ log }) => {
          log.exec(
            `update partition set start_offset = 9999 where topic = (select number from topic where name = '${topic}')`,
          )
          log.exec(`delete from batch where number in (${batchesOf(topic)})`)
        },
        { observed: { ...settled, deadMs } },
      )
    const last = settled.kept.findLast(({ topic }) => topic === 'recents')!
    expect(deleteAll('recents', last.sentMs + bounds.recentMs - 1)).toContainEqual(
      expect.stringMatching(/ of recents\/\d at \d+ is gone: it is \d+ ms old$/),
    )
    expect(deleteAll('recents', last.sentMs + 60_000)).toEqual([])
    expect(deleteAll('lasts', muchLater())).toContainEqual(
      expect.stringMatching(/ of lasts\/\d at \d+ is gone: 0 bytes are left$/),
    )
  })

  it('finds a record that is there and that nobody saw', () => {
    const observed = { ...settled, attempts: settled.attempts.filter(({ group }) => group !== 'viewer') }
    expect(damaged.after('settled', unchanged, { observed })).toContainEqual(
      expect.stringMatching(/^nobody saw \S+ of states\/\d at \d+$/),
    )
  })
})
