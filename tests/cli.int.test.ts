import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { makeLog, shell } from './cli.test-support.ts'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-cli-'))
  await makeLog(folder)
})
afterAll(() => rm(folder, { recursive: true, force: true }))

const run = (line: string, input?: string) => shell(folder, line, input)
const answerOf = async (line: string) => JSON.parse((await run(`${line} --json`)).out)

describe('millrace', () => {
  it('has a help for itself and for each command', async () => {
    const { out, code } = await run('millrace --help')
    expect(code).toBe(0)
    const names = [...out.matchAll(/^ {2}([a-z]+(?: [a-z]+|-[a-z]+ [a-z]+)?) {2,}/gm)].map(([, name]) => name)
    expect(names).toEqual(expect.arrayContaining(['topics', 'describe', 'tail', 'publish', 'groups', 'lag', 'held']))
    const helps = await Promise.all(names.slice(0, 4).map((name) => run(`millrace ${name} --help`)))
    expect(helps.map(({ code: each }) => each)).toEqual(helps.map(() => 0))
    for (const [index, help] of helps.entries()) expect(help.out).toContain(`\nmillrace ${names[index]}`)
  })

  it.each([
    ['millrace', ''],
    ['millrace tpics', "there is no command 'tpics'"],
    ['millrace topics orders', "'orders' is one word too many"],
    ['millrace describe', '<topic> is missing'],
    ['millrace tail orders --form start', "Unknown option '--form'"],
    ['millrace tail orders --from yesterday', "--from is 'yesterday', expected start, end"],
    ['millrace tail orders --limit 0', "--limit is '0', expected a whole number from 1"],
    ['millrace publish orders {', 'the value is not JSON'],
    ['millrace publish orders {} --header a', "--header is 'a', expected NAME=VALUE"],
  ])('ends with 2 for the wrong command line %j', async (line, message) => {
    const { err, code } = await run(line)
    expect(code).toBe(2)
    expect(err).toContain(message)
    expect(err).not.toMatch(/\n\s+at /)
  })

  it.each([
    ['millrace describe nothing', "no topic 'nothing'"],
    ['millrace tail orders --partition 2', 'has no partition 2'],
    ['millrace lag nobody', "no group 'nobody' in this log, but audit, mailers, payment"],
    ['millrace publish nothing {}', "no topic 'nothing'"],
    ['millrace publish orders {} --header millrace-id=x', "names that begin with 'millrace-'"],
    ['millrace topics --url kafka://broker', "there is no engine for 'kafka:'"],
    ['millrace topics --url memory:', 'a log in memory can be reached in its own process alone'],
  ])('ends with 1 and a reason when it cannot do %j', async (line, message) => {
    const { out, err, code } = await run(line)
    expect({ out, code }).toEqual({ out: '', code: 1 })
    expect(err).toContain(message)
    expect(err).not.toMatch(/\n\s+at /)
  })

  it('makes no log where there is none', async () => {
    const before = await readdir(folder)
    const commands = ['topics', 'publish orders {}', 'doctor']
    for (const command of commands) {
      const { err, code } = await run(`millrace ${command} --url file:typo/log.db`)
      expect(code).toBe(1)
      expect(err).toContain(`There is no log at ${join(folder, 'typo', 'log.db')}`)
    }
    expect(await readdir(folder)).toEqual(before)
  })

  it('takes the log of MILLRACE_URL, and --url before it', async () => {
    const url = `file:${join(folder, '.millrace', 'log.db')}`
    expect((await shell('/', `MILLRACE_URL=${url} millrace topics`)).out).toContain('orders')
    expect((await run(`MILLRACE_URL=file:nothing.db millrace topics --url ${url}`)).out).toContain('orders')
    expect((await run('MILLRACE_URL=file:nothing.db millrace topics')).code).toBe(1)
  })
})

describe('what is in a log', () => {
  it('is told by topics, without what is the framework’s own', async () => {
    const { topics } = await answerOf('millrace topics')
    expect(topics).toMatchObject([
      { name: 'mails', partitions: 2, records: 1, isInternal: false },
      { name: 'orders', partitions: 2, records: 5, compacted: false, sizeBytes: expect.any(Number) },
    ])
    const all = await answerOf('millrace topics --all')
    expect(all.topics.length).toBeGreaterThan(2)
    expect((await run('millrace topics')).out).toMatch(/^topic +partitions +records +size +kept\nmails /)
  })

  it('is told of one topic with its partitions and groups', async () => {
    const { topic } = await answerOf('millrace describe orders')
    expect(topic.partitions.map(({ end }: { end: number }) => end).reduce((a: number, b: number) => a + b)).toBe(5)
    expect(new Set(topic.groups.map(({ group }: { group: string }) => group))).toEqual(new Set(['audit', 'payment']))
    expect((await run('millrace describe orders')).out).toMatch(/^orders: 2 partitions, 5 records, .+; all are kept\n/)
  })

  it('is told of groups, with who works in them', async () => {
    const { groups } = await answerOf('millrace groups')
    expect(groups).toMatchObject([
      { group: 'audit', members: [], topics: ['orders'], lag: 0 },
      { group: 'mailers', members: [], topics: ['mails'], lag: 0 },
      { group: 'payment', members: [], topics: ['orders'], lag: 0 },
    ])
    const { lag } = await answerOf('millrace lag payment')
    expect(lag).toHaveLength(2)
    expect(lag[0]).toEqual({
      group: 'payment',
      topic: 'orders',
      partition: 0,
      position: expect.any(Number),
      end: expect.any(Number),
      lag: 0,
      process: null,
    })
    expect((await run('millrace lag')).out).toMatch(/0 records not handled\.\n$/)
  })

  it('is told of what is held, with why and until when', async () => {
    const { held } = await answerOf('millrace held')
    expect(held).toMatchObject([
      { group: 'payment', topic: 'orders', key: 'order-2', records: 2, attempt: 2, error: 'the provider is down' },
    ])
    expect(Date.parse(held[0].dueAt)).toBeGreaterThan(Date.now())
    expect((await run('millrace held payment')).out).toMatch(
      / order-2 +2 +2 +in \d+ min +the provider is down\n2 records of 1 key held\.\n$/,
    )
    expect((await run('millrace held audit')).out).toBe('Nothing is held.\n')
  })

  it('is looked over by the doctor', async () => {
    const { out, code } = await run('millrace doctor')
    expect(code).toBe(0)
    expect(out).toMatch(/^good +SQLite +\d/m)
    const { findings } = await answerOf('millrace doctor')
    expect(findings).toContainEqual(expect.objectContaining({ subject: 'SQLite', verdict: 'good' }))
  })
})

describe('millrace tail', () => {
  const keysOf = async (line: string) => {
    const { out } = await run(`${line} --json`)
    return out
      .split('\n')
      .filter(Boolean)
      .map((each) => JSON.parse(each).key)
  }

  it('shows the last records of all partitions, each on a line', async () => {
    const { out } = await run('millrace tail orders --key order-1')
    expect(out).toMatch(
      /^2026-01-31T12:00:00\.000Z {2}orders\/[01]@\d {2}order-1 {2}\{"type":"ORDER_CREATED","orderId":"order-1","total":249\.97\}\n$/,
    )
    expect(await keysOf('millrace tail orders')).toHaveLength(5)
    expect(await keysOf('millrace tail orders --limit 2')).toHaveLength(2)
  })

  it('begins where it is told', async () => {
    expect(await keysOf('millrace tail orders --from start')).toHaveLength(5)
    expect(await keysOf('millrace tail orders --from start --limit 3')).toHaveLength(3)
    expect(await keysOf('millrace tail orders --from end')).toEqual([])
    expect(await keysOf('millrace tail orders --from 2026-01-31T12:00:00Z')).toHaveLength(5)
    expect(await keysOf('millrace tail orders --from 2026-01-31T12:00:01Z')).toEqual([])
    expect(await keysOf('millrace tail orders --from start --key order-2')).toEqual(['order-2', 'order-2'])
  })

  it('writes a record for programs as one line of JSON', async () => {
    const { out } = await run('millrace tail orders --key order-1 --json')
    expect(JSON.parse(out)).toEqual({
      topic: 'orders',
      partition: expect.any(Number),
      offset: expect.any(Number),
      timestamp: '2026-01-31T12:00:00.000Z',
      key: 'order-1',
      headers: { 'millrace-id': 'id-1' },
      value: { type: 'ORDER_CREATED', orderId: 'order-1', total: 249.97 },
      encoding: 'json',
    })
  })

  it('ends quietly when whoever reads it has seen enough', async () => {
    const { err, out } = await run('millrace tail orders --from start | head -n 1')
    expect(err).toBe('')
    expect(out.split('\n')).toHaveLength(2)
  })
})

describe('millrace publish', () => {
  it('appends a value that is given, and says that no schema was checked', async () => {
    const { out, err, code } = await run(
      `millrace publish mails '{"type":"MAIL","to":"bob"}' --id mail-bob --header source=hand`,
    )
    expect(code).toBe(0)
    expect(out).toMatch(/^mails\/[01] {2}mail-bob\n$/)
    expect(err).toContain('No schema was checked')
    const tailed = JSON.parse((await run('millrace tail mails --limit 1 --json')).out)
    expect(tailed).toMatchObject({ value: { to: 'bob' }, headers: { 'millrace-id': 'mail-bob', source: 'hand' } })
  })

  it('appends a record for each line of its input, of one key in order', async () => {
    const lines = Array.from({ length: 1_200 }, (_, n) => JSON.stringify({ n })).join('\n')
    const { out } = await run('millrace publish orders --key many', lines)
    expect(out).toBe('1,200 records appended to orders.\n')
    const { out: tailed } = await run('millrace tail orders --from start --key many --json')
    const values = tailed
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line).value.n)
    expect(values).toEqual(Array.from({ length: 1_200 }, (_, n) => n))
  })

  it('stops at a line that is no JSON and says how many are appended', async () => {
    const lines = `${'{}\n'.repeat(700)}{oh\n{}\n`
    const { err, code } = await run('millrace publish mails', lines)
    expect(code).toBe(1)
    expect(err).toMatch(/line 701 is not JSON \(.+\); 500 records of the lines before it are appended/)
  })

  it('shows control characters of others as text: a terminal would obey them', async () => {
    await run(`millrace publish mails '"\\u001b[2J"' --key "$(printf 'a\\033[2Jb')"`)
    const { out } = await run('millrace tail mails --limit 1')
    expect(out).not.toContain('\u001b')
    expect(out).toContain('a\\u001b[2Jb')
  })
})
