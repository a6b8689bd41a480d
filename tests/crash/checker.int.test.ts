import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { findViolations, type Observed } from './checker.ts'
import { appendAgain, batchesOf, DamagedFiles, first } from './damaged-files.ts'
import { sourcesOf } from './sources.ts'

/** The checker that finds nothing has to be able to: here it gets files that somebody damaged. */
const damaged = new DamagedFiles()
beforeAll(() => damaged.prepare(), 180_000)
afterAll(() => damaged[Symbol.dispose]())

const outputs = ['copies', 'receipts', 'results', 'kept', 'batched', 'loaded', 'millrace-dead-letters-copier']

describe('the checker', () => {
  it('finds nothing where nothing is wrong', () => {
    for (const state of ['killed', 'settled'] as const) expect(damaged.after(state, () => {})).toEqual([])
  })

  it.each(outputs)('finds a batch of %s that is gone', (topic) => {
    const found = damaged.after('settled', ({ log }) =>
      log.exec(`delete from batch where number = (select min(number) from (${batchesOf(topic)}))`),
    )
    expect(found.join('\n')).toMatch(/: p\d+-\d+ is in 0 places: |: the death \S+ was undone and is not there/)
  })

  it.each(outputs)('finds a batch of %s that is there twice', (topic) => {
    const found = damaged.after('killed', ({ log }) => void appendAgain(log, topic))
    expect(found.join('\n')).toMatch(/: p\d+-\d+ is in 2 places: |: the death \S+ is there 2 times/)
  })

  it.each(['copies', 'receipts', 'kept', 'loaded'])('finds a batch of %s that comes late', (topic) => {
    const found = damaged.after('settled', ({ log }) =>
      log.exec(`delete from batch where number = ${appendAgain(log, topic)}`),
    )
    expect(found.join('\n')).toMatch(/: p\d+-\d+ of key-\d comes behind p\d+-\d+/)
    expect(found.join('\n')).not.toContain('places')
  })

  it.each(['inputs', 'tasks', 'lefts'])('finds a batch of %s that was acknowledged and is gone', (topic) => {
    const found = damaged.after('settled', ({ log }) =>
      log.exec(`delete from batch where number = (select min(number) from (${batchesOf(topic)}))`),
    )
    expect(found).toContainEqual(
      expect.stringMatching(new RegExp(`^${topic} p\\d+-\\d+ was acknowledged and is not there`)),
    )
  })

  it('finds a record that is published twice', () => {
    const found = damaged.after('killed', ({ log }) => void appendAgain(log, 'inputs'))
    expect(found).toContainEqual(expect.stringMatching(/^inputs p\d+-\d+ is there 2 times/))
  })

  it('finds half of a transaction', () => {
    const found = damaged.after('settled', ({ log }) =>
      log.exec(`delete from batch where number = (select min(number) from (${batchesOf('rights')}))`),
    )
    expect(found).toContainEqual(expect.stringMatching(/^half of the transaction p\d+-\d+ is there/))
  })

  it.each([
    ['delete from rows where number = (select min(number) from rows)', /^recorder: \S+ has 0 rows and 1 outputs/],
    ['insert into rows (source, key) select source, key from rows limit 1', /^recorder: \S+ has 2 rows and 1 outputs/],
    ["insert into rows (source, key) values ('x', 'y')", /^recorder: x has 1 rows and 0 outputs/],
    ['update rows set number = -number', /^recorder: \S+ of key-\d comes behind/],
    ['delete from bookings where rowid = 1', /^booking \S+ has 0 rows and 1 events/],
    ['insert into bookings select source from bookings limit 1', /^booking \S+ has 2 rows and 1 events/],
    ['delete from loads where number = (select min(number) from loads)', /^loader: \S+ has 0 rows and 1 outputs/],
    ['insert into loads (source, key) select source, key from loads limit 1', /^loader: \S+ has 2 rows and 1 outputs/],
    ['update loads set number = -number', /^loader: \S+ of key-\d comes behind/],
    [`update millrace_checkpoint set position = position - 1, finished = ''`, /^recorder: \S+ is in 2 places/],
  ])('finds what %s did', (sql, violation) => {
    const found = damaged.after('settled', ({ database }) => void database.exec(sql))
    expect(found).toContainEqual(expect.stringMatching(violation))
  })

  it('finds a message that is still in the outbox, and in the log', () => {
    const found = damaged.after('settled', ({ log, database }) => {
      const { source } = first(database, 'select source from rows')
      const { number } = first(
        database,
        `select seq + 100 as number from sqlite_sequence where name = 'millrace_outbox'`,
      )
      expect(first(log, 'select count(*) as batches from batch').batches).toBeGreaterThan(0)
      database
        .prepare('insert into millrace_outbox (number, topic, key, value, timestamp_ms) values (?, ?, ?, ?, 0)')
        .run(Number(number), 'receipts', 'k', JSON.stringify({ source, key: 'k' }))
    })
    expect(found).toContainEqual(expect.stringMatching(/^recorder: \S+ is in 2 places: .*"done":2/))
  })

  it.each([
    [`delete from store_entry where hex(substr(key, 1, 1)) = '62'`, /has no body of its own/],
    [`delete from store_entry where hex(substr(key, 1, 1)) = '68'`, /the parked body .* has no head/],
    [`delete from store_entry where hex(substr(key, 1, 1)) in ('62', '68')`, /: \S+ is in 0 places/],
    [`update committed_offset set position = 0, metadata = ''`, /: \S+ is in 2 places/],
    ['update batch set bytes = zeroblob(length(bytes))', /a batch of \d+ bytes is damaged/],
    ['update batch set base_offset = base_offset + 1', /the offsets of the batch are not those of its row/],
  ])('finds what %s did to a killed log', (sql, violation) => {
    const found = damaged.after('killed', ({ log }) => void log.exec(sql))
    expect(found).toContainEqual(expect.stringMatching(violation))
  })

  it('finds a bit that turned', () => {
    // Not of the leader epoch, bytes 12 to 15: it is outside of the checksum and means nothing.
    for (const at of [7, 11, 16, 17, 22, 60, 61, -1]) {
      const found = damaged.after('killed', ({ log }) => {
        const { hex } = first(log, 'select hex(bytes) as hex from batch where number = 1')
        const turned = Buffer.from(String(hex), 'hex')
        turned[at < 0 ? turned.length + at : at]! ^= 4
        log.prepare('update batch set bytes = ? where number = 1').run(turned)
      })
      expect(found.length, `byte ${at}`).toBeGreaterThan(0)
    }
  })

  it('finds work that is left when all should be done', () => {
    const found = findViolations(damaged.files('killed'), damaged.observed('killed'), { isSettled: true })
    for (const group of ['copier', 'keeper', 'loader'])
      expect(found).toContainEqual(expect.stringMatching(new RegExp(`^${group}: \\S+ was never done: `)))
  })

  it('finds an attempt before its time, and one with a record that is not there', () => {
    const { records } = damaged.files('settled').log
    const { copies, cancelled } = sourcesOf(
      records.filter(({ topic }) => topic === 'tasks'),
      damaged.observed('settled').cancels,
    )
    const delayed = records.find(
      (record) => record.headers.has('millrace-due') && ![...copies, ...cancelled].includes(record),
    )!
    const due = Number(delayed.headers.get('millrace-due'))
    const attempt = { ...delayed, group: 'workers', id: delayed.headers.get('millrace-id')! }
    const check = (attempts: Observed['attempts']) =>
      damaged.after('settled', () => {}, { observed: { ...damaged.observed('settled'), attempts }, isSettled: false })
    expect(check([{ ...attempt, atMs: due }])).toEqual([])
    expect(check([{ ...attempt, atMs: due - 1 }])).toEqual([expect.stringMatching(/ 1 ms before its time$/)])
    expect(check([{ ...attempt, atMs: due, offset: 9_999 }])).toEqual([expect.stringMatching(/ which is not there$/)])
    expect(check([{ ...attempt, atMs: due, id: 'another' }])).toEqual([expect.stringMatching(/ which is not there$/)])
  })

  it('finds a command that was acknowledged and left nothing', () => {
    const killed = damaged.observed('killed')
    const seen = { ...killed, booked: new Set([...killed.booked, 'nobody']) }
    expect(damaged.after('killed', () => {}, { observed: seen })).toEqual(['booking nobody has 0 rows and 0 events'])
  })
})
