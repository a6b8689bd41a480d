import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { findViolations, type Observed } from './checker.ts'
import { CrashHarness, readFiles } from './harness.ts'
import { SeededRandom } from './random.ts'

/** The checker that finds nothing has to be able to: here it gets files that somebody damaged. */
let root: string
/** Per state of the files: what was seen until then. */
const observed = new Map<State, Observed>()
type State = 'killed' | 'settled'
beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'millrace-checker-'))
  const folder = join(root, 'run')
  cpSync(mkdtempSync(join(root, 'empty-')), folder, { recursive: true })
  const harness = new CrashHarness({ folder, processes: 1, random: new SeededRandom(20) })
  // When a kill comes is not in the seed: until there is something of everything to damage.
  do expect(await harness.round()).toEqual([])
  while (harness.observed.attempts.length < 300 || readFiles(folder)!.log.group('copier').parked.length < 2)
  cpSync(folder, join(root, 'killed'), { recursive: true })
  observed.set('killed', harness.observed)
  expect(await harness.finish()).toEqual([])
  cpSync(folder, join(root, 'settled'), { recursive: true })
  observed.set('settled', harness.observed)
}, 120_000)
afterAll(() => rmSync(root, { recursive: true, force: true }))

/** Changes a copy of the files, and gives what the checker says of it. */
function afterDamage(
  state: State,
  damage: (files: { readonly log: DatabaseSync; readonly database: DatabaseSync }) => void,
  seen: Observed = observed.get(state)!,
): readonly string[] {
  const folder = mkdtempSync(join(root, 'damaged-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  cpSync(join(root, state), folder, { recursive: true })
  {
    using log = new DatabaseSync(join(folder, 'log.db'), { enableForeignKeyConstraints: false })
    using database = new DatabaseSync(join(folder, 'app.db'))
    damage({ log, database })
  }
  return findViolations(readFiles(folder)!, seen, { isSettled: state === 'settled' })
}

const batchesOf = (topic: string) =>
  `select b.number from batch b join partition p on p.number = b.partition join topic t on t.number = p.topic where t.name = '${topic}'`
const first = (database: DatabaseSync, sql: string) => {
  const row = database.prepare(sql).get()
  expect(row, sql).toBeDefined()
  return row as Record<string, number | string>
}
const outputs = ['copies', 'receipts', 'results', 'millrace-dead-letters-copier']

/** Appends the topic's first batch again behind the last one of its partition. */
function appendAgain(log: DatabaseSync, topic: string): number {
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

describe('the checker', () => {
  it('finds nothing where nothing is wrong', () => {
    for (const state of ['killed', 'settled'] as const) expect(afterDamage(state, () => {})).toEqual([])
  })

  it.each(outputs)('finds a batch of %s that is gone', (topic) => {
    const found = afterDamage('settled', ({ log }) =>
      log.exec(`delete from batch where number = (select min(number) from (${batchesOf(topic)}))`),
    )
    expect(found.join('\n')).toMatch(/: p\d+-\d+ is in 0 places: |: the death \S+ was undone and is not there/)
  })

  it.each(outputs)('finds a batch of %s that is there twice', (topic) => {
    const found = afterDamage('killed', ({ log }) => void appendAgain(log, topic))
    expect(found.join('\n')).toMatch(/: p\d+-\d+ is in 2 places: |: the death \S+ is there 2 times/)
  })

  it.each(['copies', 'receipts'])('finds a batch of %s that comes late', (topic) => {
    const found = afterDamage('settled', ({ log }) =>
      log.exec(`delete from batch where number = ${appendAgain(log, topic)}`),
    )
    expect(found.join('\n')).toMatch(/: p\d+-\d+ of key-\d comes behind p\d+-\d+/)
    expect(found.join('\n')).not.toContain('places')
  })

  it.each(['inputs', 'tasks', 'lefts'])('finds a batch of %s that was acknowledged and is gone', (topic) => {
    const found = afterDamage('settled', ({ log }) =>
      log.exec(`delete from batch where number = (select min(number) from (${batchesOf(topic)}))`),
    )
    expect(found).toContainEqual(
      expect.stringMatching(new RegExp(`^${topic} p\\d+-\\d+ was acknowledged and is not there`)),
    )
  })

  it('finds a record that is published twice', () => {
    const found = afterDamage('killed', ({ log }) => void appendAgain(log, 'inputs'))
    expect(found).toContainEqual(expect.stringMatching(/^inputs p\d+-\d+ is there 2 times/))
  })

  it('finds half of a transaction', () => {
    const found = afterDamage('settled', ({ log }) =>
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
    [`update millrace_checkpoint set position = position - 1, finished = ''`, /^recorder: \S+ is in 2 places/],
  ])('finds what %s did', (sql, violation) => {
    const found = afterDamage('settled', ({ database }) => void database.exec(sql))
    expect(found).toContainEqual(expect.stringMatching(violation))
  })

  it('finds a message that is still in the outbox, and in the log', () => {
    const found = afterDamage('settled', ({ log, database }) => {
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
    const found = afterDamage('killed', ({ log }) => void log.exec(sql))
    expect(found).toContainEqual(expect.stringMatching(violation))
  })

  it('finds a bit that turned', () => {
    // Not of the leader epoch, bytes 12 to 15: it is outside of the checksum and means nothing.
    for (const at of [7, 11, 16, 17, 22, 60, 61, -1]) {
      const found = afterDamage('killed', ({ log }) => {
        const { hex } = first(log, 'select hex(bytes) as hex from batch where number = 1')
        const turned = Buffer.from(String(hex), 'hex')
        turned[at < 0 ? turned.length + at : at]! ^= 4
        log.prepare('update batch set bytes = ? where number = 1').run(turned)
      })
      expect(found.length, `byte ${at}`).toBeGreaterThan(0)
    }
  })

  it('finds work that is left when all should be done', () => {
    const folder = join(root, 'killed')
    expect(findViolations(readFiles(folder)!, observed.get('killed')!, { isSettled: true })).toContainEqual(
      expect.stringMatching(/ was never done: /),
    )
  })

  it('finds an attempt before its time, and one with a record that is not there', () => {
    const { records } = readFiles(join(root, 'settled'))!.log
    const delayed = records.find(({ headers }) => headers.has('millrace-due'))!
    const due = Number(delayed.headers.get('millrace-due'))
    const attempt = { ...delayed, group: 'workers', id: delayed.headers.get('millrace-id')! }
    const check = (attempts: Observed['attempts']) =>
      afterDamage('settled', () => {}, { ...observed.get('settled')!, attempts })
    expect(check([{ ...attempt, atMs: due }])).toEqual([])
    expect(check([{ ...attempt, atMs: due - 1 }])).toEqual([expect.stringMatching(/ 1 ms before its time$/)])
    expect(check([{ ...attempt, atMs: due, offset: 9_999 }])).toEqual([expect.stringMatching(/ which is not there$/)])
    expect(check([{ ...attempt, atMs: due, id: 'another' }])).toEqual([expect.stringMatching(/ which is not there$/)])
  })

  it('finds a command that was acknowledged and left nothing', () => {
    const killed = observed.get('killed')!
    const seen = { ...killed, booked: new Set([...killed.booked, 'nobody']) }
    expect(afterDamage('killed', () => {}, seen)).toEqual(['booking nobody has 0 rows and 0 events'])
  })
})
