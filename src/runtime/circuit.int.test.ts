import fc from 'fast-check'
import { RejectError, RetryAfterError, topic } from 'millrace'
import { subscriber } from 'millrace/pubsub'
import { queue, worker } from 'millrace/queue'
import { database } from 'millrace/sql'
import { testApp } from 'millrace/testing'
import { describe, expect, it } from 'vitest'
import * as z from 'zod'
import type { Logger } from '../core/logger.ts'
import { fileApp, freshFolder } from '../testing/crash-image.test-support.ts'
import { Gate } from '../testing/gate.test-support.ts'

const numbers = topic('numbers', {
  schema: z.object({ key: z.string(), n: z.number() }),
  key: ({ key }) => key,
  partitions: 2,
})
const shop = database<{ seen: { n: number } }>('shop', {
  migrations: { '001': { up: (db) => db.schema.createTable('seen').addColumn('n', 'integer').execute() } },
})
class OutageError extends Error {}
const pauseOn = (error: Error) => error instanceof OutageError

/** Something that handlers need, away or there; notes who came. */
class Dependency {
  isAway = true
  readonly calls: string[] = []
  readonly done: string[] = []
  call(what: string): void {
    this.calls.push(what)
    if (this.isAway) throw new OutageError('the mail server is away')
    this.done.push(what)
  }
}
function noteLines(level: 'warn' | 'info', lines: string[]): Logger {
  const note = (of: string) => (message: string) => void (of === level && lines.push(message))
  return { debug: note('debug'), info: note('info'), warn: note('warn'), error: note('error') }
}
const byKey = (done: readonly string[], key: string) => done.filter((what) => what.startsWith(key))

describe.each(['log', 'database'] as const)('an outage, with the %s as home', (home) => {
  const options = home === 'database' ? { database: shop } : {}

  it('spends no attempts and keeps every record, in the order of its key', async () => {
    const mail = new Dependency()
    const attempts = new Set<number>()
    await using app = testApp()
    app.add(
      subscriber('mails', {
        from: numbers,
        ...options,
        pauseOn,
        concurrency: 2,
        retry: { attempts: 1 },
        on: async ({ key, n }, { attempt }) => {
          attempts.add(attempt)
          mail.call(`${key}${n}`)
        },
      }),
    )
    await app.start()
    for (let n = 0; n < 5; n++) for (const key of ['a', 'b', 'c', 'd']) await app.publish(numbers, { key, n })
    await app.advance('2m')
    // Two ran when it began; then one at a time: after 1, 2, 4, 8, 16, 30, 30 … s, half of it random.
    expect(mail.calls.length).toBeGreaterThanOrEqual(2 + 6)
    expect(mail.calls.length).toBeLessThanOrEqual(2 + 12)
    expect(new Set(mail.calls).size).toBeLessThanOrEqual(2)
    expect(app.health().status).toBe('up')
    expect((await app.status()).components.find(({ name }) => name === 'mails')).toMatchObject({
      state: 'waiting',
      waitsFor: [expect.stringMatching(/^an outage since 2026-.*: the mail server is away; it tries again at 2026-/)],
    })
    await expect(app.settled({ timeout: 20 })).rejects.toThrow(/waits: the mail server is away\), due at 2026-/)
    mail.isAway = false
    await app.advance('30s')
    await app.settled()
    for (const key of ['a', 'b', 'c', 'd'])
      expect(byKey(mail.done, key)).toEqual([0, 1, 2, 3, 4].map((n) => `${key}${n}`))
    expect([...attempts]).toEqual([1])
    expect(await app.deadLetters.list()).toEqual([])
  })

  it('lets what runs go on: its success opens nothing, and its failure waits too', async () => {
    const mail = new Dependency()
    const gates = { good: new Gate(), late: new Gate() }
    let isAway = true
    await using app = testApp()
    app.add(
      subscriber('mails', {
        from: numbers,
        ...options,
        pauseOn,
        retry: { attempts: 1 },
        on: async ({ key }) => {
          mail.calls.push(key)
          if (key === 'good') return gates.good.pass()
          if (key === 'late' && isAway) await gates.late.pass()
          if (isAway) throw new OutageError('away')
        },
      }),
    )
    await app.start()
    await app.publish(numbers, { key: 'late', n: 1 })
    // On SQLite handlers with a transaction run one at a time, from their first statement; these have none.
    await gates.late.reached
    await app.publish(numbers, { key: 'good', n: 1 })
    await gates.good.reached
    await app.publish(numbers, { key: 'bad', n: 1 })
    await expect(app.settled({ timeout: 50 })).rejects.toThrow()
    expect(mail.calls).toEqual(['late', 'good', 'bad'])
    gates.good.open()
    gates.late.open()
    await app.publish(numbers, { key: 'other', n: 1 })
    await app.advance(0)
    expect(mail.calls).toEqual(['late', 'good', 'bad'])
    isAway = false
    await app.advance('1s')
    await app.settled()
    expect(mail.calls.slice(3).toSorted()).toEqual(['bad', 'late', 'other'])
    expect(mail.calls[3]).toBe('bad')
  })
})

describe('a circuit', () => {
  it('is logged once when it opens and once when it closes', async () => {
    const mail = new Dependency()
    const [warnings, infos]: [string[], string[]] = [[], []]
    const [warn, info] = [noteLines('warn', warnings), noteLines('info', infos)]
    const both: Logger = { ...warn, info: info.info }
    await using app = testApp({ logger: both })
    app.add(subscriber('mails', { from: numbers, pauseOn, on: ({ key }) => mail.call(key) }))
    await app.start()
    await app.publish(numbers, { key: 'a', n: 1 })
    await app.advance('1m')
    expect(mail.calls.length).toBeGreaterThan(3)
    mail.isAway = false
    await app.advance('30s')
    expect(warnings).toEqual([
      expect.stringMatching(/^'mails' waits, and tries again in \d+ ms: the mail server is away/),
    ])
    expect(infos.filter((line) => line.startsWith("'mails' goes on after"))).toHaveLength(1)
  })

  it('closes when the probe fails in another way, which costs that record an attempt', async () => {
    const attempts: number[] = []
    await using app = testApp()
    app.add(
      subscriber('mails', {
        from: numbers,
        pauseOn,
        retry: { attempts: 2, delay: '10ms' },
        on: (_, { attempt }) => {
          attempts.push(attempt)
          throw attempts.length === 1 ? new OutageError('away') : new TypeError('broken')
        },
      }),
    )
    await app.start()
    await app.publish(numbers, { key: 'a', n: 1 })
    await app.advance('2s')
    await app.settled()
    expect(attempts).toEqual([1, 1, 2])
    expect(await app.deadLetters.list()).toMatchObject([{ message: 'broken', attempts: 2 }])
  })

  it('takes a pauseOn that throws for false, and says so', async () => {
    const warnings: string[] = []
    let attempts = 0
    await using app = testApp({ logger: noteLines('warn', warnings) })
    const broken = () => {
      throw new TypeError('no such property')
    }
    const on = () => {
      if (attempts++ === 0) throw new Error('at first')
    }
    app.add(subscriber('mails', { from: numbers, pauseOn: broken, retry: { delay: 10 }, on }))
    await app.start()
    await app.publish(numbers, { key: 'a', n: 1 })
    await app.advance('10ms')
    expect(attempts).toBe(2)
    expect(warnings[0]).toMatch(/^'mails': its pauseOn threw, which counts as false: no such property/)
  })

  it('waits at least as long as a RetryAfterError says, and never for a rejected or unreadable record', async () => {
    let calls = 0
    await using app = testApp()
    app.add(
      subscriber('mails', {
        from: numbers,
        pauseOn: () => true,
        on: ({ n }) => {
          if (n === 0) throw new RejectError('never')
          if (calls++ === 0) throw new RetryAfterError('1m')
        },
      }),
    )
    await app.start()
    await app.publish(numbers, { key: 'a', n: 0 })
    await app.settled()
    expect(await app.deadLetters.list()).toHaveLength(1)
    await app.publish(numbers, { key: 'a', n: 1 })
    await app.advance('59s')
    expect(calls).toBe(1)
    await app.advance('1s')
    expect(calls).toBe(2)
  })

  it('that is open starts no probe while its component is paused, and one when it is resumed', async () => {
    const mail = new Dependency()
    await using app = testApp()
    const mails = app.add(subscriber('mails', { from: numbers, pauseOn, on: ({ key }) => mail.call(key) }))
    await app.start()
    await app.publish(numbers, { key: 'a', n: 1 })
    await app.advance(0)
    await mails.pause('maintenance')
    mail.isAway = false
    await app.advance('1m')
    expect(mail.calls).toEqual(['a'])
    await mails.resume()
    await app.settled()
    expect(mail.done).toEqual(['a'])
  })

  it('that is open does not keep an app from stopping, and a restart finds every record', async () => {
    const folder = freshFolder()
    const mail = new Dependency()
    const build = () => {
      const app = fileApp(folder)
      app.add(subscriber('mails', { from: numbers, pauseOn, on: ({ key, n }) => mail.call(`${key}${n}`) }))
      return app
    }
    const first = build()
    await first.start()
    for (let n = 0; n < 3; n++) await first.publish(numbers, { key: 'a', n })
    await expect(first.settled({ timeout: 50 })).rejects.toThrow(/the mail server is away/)
    await first.stop()
    mail.isAway = false
    await using second = build()
    await second.start()
    await second.settled()
    expect(mail.done).toEqual(['a0', 'a1', 'a2'])
  })

  it('keeps limits by type, and leaves what becomes due meanwhile in the store', async () => {
    const tasks = queue('tasks', {
      schema: z.object({ type: z.enum(['mail', 'print']), n: z.number() }),
      partitions: 1,
    })
    const mail = new Dependency()
    let running = 0
    let most = 0
    await using app = testApp()
    const once = async (what: string) => {
      most = Math.max(most, ++running)
      await Promise.resolve()
      running--
      mail.call(what)
    }
    app.add(
      worker('mailers', {
        from: tasks,
        pauseOn,
        concurrency: 8,
        on: {
          mail: { concurrency: 1, handle: ({ n }) => once(`mail${n}`) },
          print: ({ n }) => void mail.done.push(`print${n}`),
        },
      }),
    )
    await app.start()
    for (let n = 0; n < 4; n++) await app.send(tasks, { type: 'mail', n })
    for (let n = 0; n < 200; n++) await app.send(tasks, { type: 'print', n }, { delay: '5s' })
    await app.advance('20s')
    expect(mail.done).toEqual([])
    await expect(app.settled({ timeout: 20 })).rejects.toThrow(/200 held or delayed records are due \(waits: the mail/)
    mail.isAway = false
    await app.advance('30s')
    await app.settled()
    expect(mail.done).toHaveLength(204)
    expect(most).toBe(1)
  })

  it('handles each record once, in the order of its key, over any outages and failures, held ones included', async () => {
    const script = fc.record({
      records: fc.array(fc.constantFrom('a', 'b', 'c'), { minLength: 1, maxLength: 20 }),
      calls: fc.array(fc.constantFrom('ok', 'ok', 'outage', 'failure'), { maxLength: 40 }),
      delay: fc.constantFrom('10ms', '1s', '20s'),
      home: fc.constantFrom({}, { database: shop }),
      isAsync: fc.boolean(),
    })
    await fc.assert(
      fc.asyncProperty(script, async ({ records, calls, delay, home, isAsync }) => {
        const done: string[] = []
        let at = 0
        await using app = testApp()
        const handle = (what: string) => {
          const outcome = calls[at++] ?? 'ok'
          if (outcome === 'outage') throw new OutageError('away')
          if (outcome === 'failure') throw new TypeError('broken')
          done.push(what)
        }
        app.add(
          subscriber('mails', {
            from: numbers,
            ...home,
            pauseOn,
            concurrency: 3,
            retry: { attempts: 100, delay, maxDelay: delay },
            on: isAsync ? async ({ key, n }) => handle(`${key}${n}`) : ({ key, n }) => handle(`${key}${n}`),
          }),
        )
        await app.start()
        for (const [n, key] of records.entries()) await app.publish(numbers, { key, n })
        await app.advance('1h')
        await app.settled()
        for (const key of ['a', 'b', 'c']) {
          const expected = records.flatMap((of, n) => (of === key ? [`${key}${n}`] : []))
          expect(byKey(done, key)).toEqual(expected)
        }
        expect(done).toHaveLength(records.length)
      }),
      { numRuns: 30 },
    )
  })
})
