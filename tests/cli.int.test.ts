import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { inProcess, main, makeLog, payAgain, shell } from './cli.test-support.ts'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-cli-'))
  await makeLog(folder)
})
afterAll(() => rm(folder, { recursive: true, force: true }))

const run = (line: string, input?: string) => shell(folder, line, input)
const answerOf = async (line: string) => JSON.parse((await inProcess(folder, `${line} --json`)).out)

describe('millrace', () => {
  it('has a help for itself and for each command', async () => {
    const { out, code } = await run('millrace --help')
    expect(code).toBe(0)
    const names = [...out.matchAll(/^ {2}([a-z]+(?: [a-z]+|-[a-z]+ [a-z]+)?) {2,}/gm)].map(([, name]) => name)
    expect(names).toEqual(expect.arrayContaining(['topics', 'describe', 'tail', 'publish', 'groups', 'lag', 'held']))
    const helps = await Promise.all(names.map((name) => inProcess(folder, `millrace ${name} --help`)))
    expect(helps.map(({ code: each }) => each)).toEqual(helps.map(() => 0))
    for (const [index, help] of helps.entries()) {
      expect(help.out).toContain(`\nmillrace ${names[index]}`)
      const columns = [...help.out.matchAll(/^( {2}--[a-z-]+(?: URL)? +)/gm)].map(([, option]) => option!.length)
      expect(new Set(columns).size, help.out).toBe(1)
    }
    const parts = await inProcess(folder, 'millrace dead-letters --help')
    expect(parts.out).toContain('  dead-letters discard  ')
    expect(parts.out).not.toContain('delayed')
  })

  it('says which version it is', async () => {
    const { version } = JSON.parse(await readFile('package.json', 'utf8'))
    expect(await run('millrace --version')).toEqual({ out: `${version}\n`, err: '', code: 0 })
  })

  it.each([
    ['millrace', ''],
    ['millrace tpics', "there is no command 'tpics'"],
    ['millrace topics orders', "'orders' is one word too many"],
    ['millrace describe', '<topic> is missing'],
    ['millrace tail orders --form start', "Unknown option '--form'"],
    ['millrace tail orders --from yesterday', "--from is 'yesterday', expected start, end"],
    ['millrace tail orders --from -3', "--from is '-3', expected start, end"],
    ['millrace topics --url', '--url needs a value'],
    ['millrace tail orders --limit 0', "--limit is '0', expected a whole number from 1"],
    ['millrace publish orders {', 'the value is not JSON'],
    ['millrace publish orders {} --header a', "--header is 'a', expected NAME=VALUE"],
  ])('ends with 2 for the wrong command line %j', async (line, message) => {
    const { err, code } = await inProcess(folder, line)
    expect(code).toBe(2)
    expect(err).toContain(message)
    expect(err).not.toMatch(/\n\s+at /)
  })

  it.each([
    ['millrace describe nothing', "no topic 'nothing' in this log, but mails, orders"],
    ['millrace tail nothing', "no topic 'nothing' in this log, but mails, orders"],
    ['millrace tail orders --partition 2', 'has no partition 2'],
    ['millrace lag nobody', "no group 'nobody' in this log, but audit, mailers, payment, stock"],
    ['millrace publish nothing {}', "no topic 'nothing'"],
    ['millrace publish millrace-commands-payment {}', "'millrace-commands-payment' is the framework's own topic"],
    ['millrace delayed list --queue nothing', "no topic 'nothing'"],
    ['millrace delayed cancel mail-1 --queue nothing', "no topic 'nothing'"],
    ['millrace publish orders {} --header millrace-id=x', "names that begin with 'millrace-'"],
    ['millrace topics --url kafka://broker', "there is no engine for 'kafka:'"],
    ['millrace held --database file:nothing.db', 'No group commits in file:nothing.db'],
    ['millrace topics --url memory:', 'a log in memory can be reached in its own process alone'],
  ])('ends with 1 and a reason when it cannot do %j', async (line, message) => {
    const { out, err, code } = await inProcess(folder, line)
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

  it('asks for the database where groups commit only where it has to', async () => {
    await writeFile(join(folder, 'notes.txt'), 'no database')
    const broken = 'DATABASE_URL=file:notes.txt millrace'
    expect(await run(`${broken} topics`)).toMatchObject({ code: 0, err: '' })
    expect(await run(`${broken} held`)).toMatchObject({
      code: 1,
      err: expect.stringContaining('notes.txt is not a SQLite'),
    })
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
    expect(new Set(topic.groups.map(({ group }: { group: string }) => group))).toEqual(
      new Set(['audit', 'payment', 'stock']),
    )
    expect((await run('millrace describe orders')).out).toMatch(/^orders: 2 partitions, 5 records, .+; kept: all\n/)
  })

  it('is told of groups, with who works in them', async () => {
    const { groups } = await answerOf('millrace groups')
    expect(groups).toMatchObject([
      { group: 'audit', members: [], topics: ['orders'], lag: 0 },
      { group: 'mailers', members: [], topics: ['mails'], lag: 0 },
      { group: 'payment', members: [], topics: ['orders'], lag: 0 },
      { group: 'stock', members: [], topics: ['orders'], lag: 0 },
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
    const { held } = JSON.parse((await run('millrace held --json')).out)
    expect(held).toHaveLength(2)
    expect(held).toContainEqual(
      expect.objectContaining({
        group: 'payment',
        topic: 'orders',
        key: 'order-2',
        records: 2,
        attempt: 2,
        error: 'the provider is down',
      }),
    )
    expect(held).toContainEqual(
      expect.objectContaining({ group: 'stock', key: 'order-3', error: 'the shelf is locked' }),
    )
    expect(Date.parse(held[0].dueAt)).toBeGreaterThan(Date.now())
    const { out } = await run('millrace held payment')
    expect(out).toMatch(/ order-2 +2 +2 +in \d+ min +the provider is down\n2 records of 1 key held\.\n$/)
    expect((await run('millrace held audit')).out).toBe('Nothing is held.\n')
  })

  it('is told of what is delayed, which can be cancelled', async () => {
    const { delayed, count } = await answerOf('millrace delayed list')
    expect({ delayed, count }).toMatchObject({ delayed: [{ group: 'mailers', topic: 'mails', key: null }], count: 1 })
    const { id } = delayed[0]
    expect((await run('millrace delayed list')).out).toMatch(
      new RegExp(`${id} +mails +mailers +- +in 10 h +\\S+Z\n1 task delayed\\. Next: millrace delayed cancel ${id}\n$`),
    )
    expect(await inProcess(folder, `millrace delayed cancel ${id}`)).toMatchObject({
      code: 0,
      out: `${id} will be cancelled when its worker runs.\n`,
    })
    expect(await inProcess(folder, 'millrace delayed cancel nothing')).toMatchObject({ code: 1 })
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
    const { out } = await inProcess(folder, `${line} --json`)
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

  it('says so when there is none', async () => {
    expect(await run('millrace tail orders --key nothing')).toEqual({ out: '', err: 'No records.\n', code: 0 })
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

  it('ends at the first interrupt where it waits for its input', async () => {
    const own = await mkdtemp(join(tmpdir(), 'millrace-cli-'))
    let child: ChildProcess | undefined
    try {
      await makeLog(own)
      child = spawn(process.execPath, [main, 'publish', 'orders'], {
        cwd: own,
        env: { PATH: process.env.PATH },
        stdio: ['pipe', 'ignore', 'ignore'],
      })
      const ended = once(child, 'close')
      // As many as go into one commit: when they are there, it waits for more.
      child.stdin!.write('{"n":1}\n'.repeat(500))
      const records = async () =>
        JSON.parse((await inProcess(own, 'millrace describe orders --json')).out).topic.records
      await expect.poll(records, { timeout: 10_000 }).toBeGreaterThanOrEqual(500)
      child.kill('SIGINT')
      expect(await ended).toEqual([null, 'SIGINT'])
    } finally {
      child?.kill('SIGKILL')
      await rm(own, { recursive: true, force: true })
    }
  })

  it('follows until it is ended, and that is no failure', async () => {
    const child = spawn(process.execPath, [main, 'tail', 'orders', '--follow', '--from', 'start', '--json'], {
      cwd: folder,
      env: { PATH: process.env.PATH },
    })
    let out = ''
    for await (const text of child.stdout.setEncoding('utf8')) {
      out += text
      if (out.split('\n').length > 5) child.kill('SIGINT')
    }
    expect(out.split('\n')).toHaveLength(6)
    expect(child.exitCode ?? (await once(child, 'exit'))[0]).toBe(0)
  })

  it('ends quietly when whoever reads it has seen enough', async () => {
    const { err, out } = await run('millrace tail orders --from start | head -n 1')
    expect(err).toBe('')
    expect(out.split('\n')).toHaveLength(2)
  })
})

describe('millrace dead-letters', () => {
  it('lists and shows them', async () => {
    const { deadLetters, count } = await answerOf('millrace dead-letters list')
    expect(count).toBe(1)
    expect(deadLetters).toMatchObject([{ group: 'payment', key: 'order-4', attempts: 1, name: 'RejectError' }])
    const { deadLetter } = await answerOf(`millrace dead-letters show ${deadLetters[0].id}`)
    expect(deadLetter).toEqual(deadLetters[0])
    const ofRecord = await inProcess(folder, `millrace dead-letters redrive ${deadLetter.recordId}`)
    expect(ofRecord.err).toContain(`${deadLetter.recordId} is the id of a record: its dead letter is ${deadLetter.id}`)
    expect((await answerOf('millrace dead-letters list --group audit')).deadLetters).toEqual([])
    expect((await run('millrace dead-letters list --topic mails')).out).toBe('No dead letters.\n')
  })

  it.each([
    ['millrace dead-letters', "'dead-letters' is one of dead-letters list, dead-letters show"],
    ['millrace dead-letters redrive', 'say which: an <id>, --fingerprint, --group, --topic or --all'],
    ['millrace dead-letters discard --all --group payment', '--all is every one'],
    ['millrace dead-letters redrive --all --rate 0', "--rate is '0', expected a whole number from 1"],
  ])('ends with 2 for the wrong command line %j', async (line, message) => {
    expect(await inProcess(folder, line)).toMatchObject({ code: 2, err: expect.stringContaining(message), out: '' })
  })

  it.each([
    ['millrace dead-letters show nothing', 'there is no dead letter nothing'],
    ['millrace dead-letters redrive nothing', 'there is no dead letter nothing'],
    [
      'millrace dead-letters redrive id --value nothing.json',
      "--value is 'nothing.json', which cannot be read: ENOENT",
    ],
    ['millrace dead-letters redrive --group nobody', "no group 'nobody' in this log, but audit"],
    ['millrace dead-letters discard --topic nothing', "no topic 'nothing' in this log, but mails"],
    ['millrace dead-letters list --group nobody', "no group 'nobody' in this log, but audit"],
  ])('ends with 1 when it cannot do %j', async (line, message) => {
    expect(await inProcess(folder, line)).toMatchObject({ code: 1, err: expect.stringContaining(message), out: '' })
  })

  it('takes ids and keys that begin with a hyphen', async () => {
    expect((await inProcess(folder, 'millrace dead-letters show -1dVRl.6')).err).toContain('no dead letter -1dVRl.6')
    const found = await answerOf('millrace dead-letters list --fingerprint -JGEf3JSc17 --limit 1')
    expect(found).toEqual({ deadLetters: [], count: 0 })
    expect((await inProcess(folder, 'millrace tail orders --key -k -f=1')).err).toContain("'-f=1' is one word too many")
  })

  it('ends with 1 when the one that is named is not there', async () => {
    expect(await run('millrace dead-letters discard nothing')).toMatchObject({ code: 1 })
    expect(await run('millrace dead-letters discard --group audit')).toMatchObject({ code: 0 })
  })

  it('has one handled again with another value, by the group when it runs', async () => {
    const own = await mkdtemp(join(tmpdir(), 'millrace-cli-'))
    try {
      await makeLog(own)
      const { deadLetters } = JSON.parse((await shell(own, 'millrace dead-letters list --json')).out)
      const { id } = deadLetters[0]
      const dry = await shell(own, `millrace dead-letters redrive ${id} --dry-run`)
      expect(dry.out).toMatch(/1 dead letter would be redriven\.\n$/)
      await writeFile(join(own, 'order.json'), '{ "type": "ORDER_CREATED", "orderId": "order-4", "total": 7 }')
      const told = await shell(own, `millrace dead-letters redrive ${id} --value order.json`)
      expect(told).toMatchObject({ code: 0, out: '1 dead letter will be redriven when payment runs.\n' })
      expect(told.err).toContain('No schema was checked')
      const again = await shell(own, `millrace dead-letters redrive ${id}`)
      expect(again).toMatchObject({ code: 1, out: '', err: `millrace: dead letter ${id} was redriven before\n` })
      expect(await payAgain(own)).toEqual([{ orderId: 'order-4', total: 7 }])
    } finally {
      await rm(own, { recursive: true, force: true })
    }
  })

  it('gives one up for good', async () => {
    const [{ id }] = (await answerOf('millrace dead-letters list')).deadLetters
    const discarded = await answerOf(`millrace dead-letters discard ${id}`)
    expect(discarded).toMatchObject({ dryRun: false, deadLetters: [{ id, outcome: 'pending' }] })
    expect((await run('millrace dead-letters list')).out).toBe('No dead letters.\n')
    expect((await run('millrace dead-letters list --all')).out).toMatch(/RejectError: nothing to pay +discarded\n/)
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
