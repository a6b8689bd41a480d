import fc from 'fast-check'
import { RejectError, RetryAfterError, topic } from 'millrace'
import { subscriber } from 'millrace/pubsub'
import { queue, worker } from 'millrace/queue'
import { database } from 'millrace/sql'
import { testApp } from 'millrace/testing'
import { describe, expect, it } from 'vitest'
import * as z from 'zod'
import { readSettings } from '../../app/millrace.ts'
import { MillraceApp } from '../../app/millrace-app.ts'
import { silentLogger } from '../../core/logger.ts'
import { ManualClock } from '../../core/manual-clock.ts'
import { crashImage, freshFolder, quiet } from '../../testing/crash-image.test-support.ts'

const numbers = topic('numbers', {
  schema: z.object({ key: z.string(), n: z.number() }),
  key: ({ key }) => key,
  partitions: 1,
})
const shop = database<{ seen: { n: number } }>('shop', {
  migrations: {
    '001': { up: (db) => db.schema.createTable('seen').addColumn('n', 'integer').execute() },
  },
})

describe.each(['log', 'database'] as const)('a failing record, with the %s as home', (home) => {
  const options = { whenSpent: 'dead-letter', ...(home === 'database' && { database: shop }) } as const

  it('is held with those of its key behind it, in order, while others go on', async () => {
    const seen: string[] = []
    let isDown = true
    await using app = testApp()
    app.add(
      subscriber('sums', {
        from: numbers,
        ...options,
        retry: { attempts: 5, delay: '10s' },
        on: ({ key, n }) => {
          if (key === 'a' && isDown) throw new Error('down')
          seen.push(`${key}${n}`)
        },
      }),
    )
    await app.start()
    for (let n = 1; n <= 3; n++) {
      await app.publish(numbers, { key: 'a', n })
      await app.publish(numbers, { key: 'b', n })
    }
    await app.advance(0)
    expect(seen).toEqual(['b1', 'b2', 'b3'])
    await expect(app.settled({ timeout: 20 })).rejects.toThrow(/a held record of numbers\/0 waits .*due at 2026-/)
    isDown = false
    await app.publish(numbers, { key: 'a', n: 4 })
    await app.advance(0)
    await app.advance('10s')
    await app.advance(0)
    expect(seen).toEqual(['b1', 'b2', 'b3', 'a1', 'a2', 'a3', 'a4'])
  })

  it('goes to the dead letters when its attempts are spent, and its key goes on', async () => {
    const seen: number[] = []
    await using app = testApp()
    app.add(
      subscriber('sums', {
        from: numbers,
        ...options,
        retry: { attempts: 3, delay: '10s' },
        on: ({ n }) => {
          if (n === 1) throw new Error('never')
          seen.push(n)
        },
      }),
    )
    await app.start()
    await app.publish(numbers, { key: 'a', n: 1 })
    await app.publish(numbers, { key: 'a', n: 2 })
    await app.advance(0)
    expect(seen).toEqual([])
    await app.advance('1m')
    await app.advance(0)
    expect(seen).toEqual([2])
    expect(app.health().status).toBe('up')
  })

  it('is handled again when it is redriven, once, before what waits for its key', async () => {
    const seen: number[] = []
    let isMended = false
    await using app = testApp()
    app.add(
      subscriber('sums', {
        from: numbers,
        ...options,
        retry: { attempts: 1 },
        on: ({ n }) => {
          if (n === 1 && !isMended) throw new TypeError('broken')
          seen.push(n)
        },
      }),
    )
    await app.start()
    await app.publish(numbers, { key: 'a', n: 1 })
    await app.publish(numbers, { key: 'a', n: 2 })
    await app.advance(0)
    const [letter] = await app.deadLetters.list()
    expect(letter).toMatchObject({
      group: 'sums',
      topic: 'numbers',
      partition: 0,
      offset: 0,
      name: 'TypeError',
      message: 'broken',
      attempts: 1,
      key: 'a',
      value: '{"key":"a","n":1}',
      isRedriven: false,
    })
    isMended = true
    expect(await app.deadLetters.redrive({ fingerprint: letter!.fingerprint }, { dryRun: true })).toHaveLength(1)
    expect(await app.deadLetters.redrive({ id: letter!.id })).toHaveLength(1)
    expect(await app.deadLetters.redrive({ id: letter!.id })).toHaveLength(0)
    await app.advance(0)
    expect(seen).toEqual([2, 1])
    expect(await app.deadLetters.list()).toMatchObject([{ isRedriven: true }])
  })

  it('is dead at once when it is rejected, and spends no attempt when it asks for time', async () => {
    const attempts: number[] = []
    await using app = testApp()
    app.add(
      subscriber('sums', {
        from: numbers,
        ...options,
        on: ({ n }, { attempt }) => {
          if (n === 1) throw new RejectError('no')
          attempts.push(attempt)
          if (attempts.length < 3) throw new RetryAfterError('1h')
        },
      }),
    )
    await app.start()
    await app.publish(numbers, { key: 'a', n: 1 })
    await app.publish(numbers, { key: 'a', n: 2 })
    await app.advance(0)
    await app.advance('3h')
    await app.advance(0)
    expect(attempts).toEqual([1, 1, 1])
  })
})

describe('a delayed task', () => {
  it('is done at its time, not before', async () => {
    const tasks = queue('tasks', { schema: z.object({ task: z.literal('t'), n: z.number() }), discriminator: 'task' })
    const done: string[] = []
    await using app = testApp()
    app.add(
      worker('workers', {
        from: tasks,
        on: { t: ({ n }, { now }) => void done.push(`${n} at ${now().toISOString()}`) },
      }),
    )
    await app.start()
    await app.send(tasks, { task: 't', n: 1 }, { delay: '10m' })
    await app.send(tasks, { task: 't', n: 2 }, { at: new Date('2026-01-01T00:05:00Z') })
    await app.send(tasks, { task: 't', n: 3 })
    await app.advance(0)
    await app.advance('1h')
    await app.advance(0)
    expect(done).toEqual([
      '3 at 2026-01-01T00:00:00.000Z',
      '2 at 2026-01-01T00:05:00.000Z',
      '1 at 2026-01-01T00:10:00.000Z',
    ])
  })
})

/** An app on files, with a clock that the test moves. */
function heldApp(folder: string, clock: ManualClock): MillraceApp {
  const options = { url: `file:${folder}/log.db`, logger: silentLogger }
  return new MillraceApp(readSettings('test', options, { clock, databaseUrl: `file:${folder}/app.db` }))
}

describe.each(['log', 'database'] as const)('after a kill, with the %s as home', (home) => {
  it('held records go on where they were, in order, and what finished is not done again', async () => {
    const folder = freshFolder()
    const clock = new ManualClock(1_000_000)
    const seen: string[] = []
    let isDown = true
    const component = () =>
      subscriber('sums', {
        from: numbers,
        whenSpent: 'dead-letter',
        retry: { attempts: 5, delay: '10m', maxDelay: '10m' },
        ...(home === 'database' && { database: shop }),
        on: ({ key, n }, { attempt }) => {
          if (key === 'a' && isDown) throw new Error('down')
          seen.push(`${key}${n}#${attempt}`)
        },
      })
    const first = heldApp(folder, clock)
    first.add(component())
    await first.start()
    for (let n = 1; n <= 3; n++) for (const key of ['a', 'b']) await first.publish(numbers, { key, n })
    await quiet(first)
    expect(seen).toEqual(['b1#1', 'b2#1', 'b3#1'])
    const image = crashImage(folder)
    await first.stop()

    isDown = false
    await using second = heldApp(image, clock)
    second.add(component())
    await second.start()
    await second.publish(numbers, { key: 'a', n: 4 })
    await quiet(second)
    expect(seen).toEqual(['b1#1', 'b2#1', 'b3#1'])
    clock.advanceBy(10 * 60_000)
    await quiet(second)
    expect(seen.slice(3)).toEqual(['a1#2', 'a2#1', 'a3#1', 'a4#1'])
  })
})

describe('whatever fails, and however often', () => {
  it('each record is done once or dead once, and those of one key that are done are in order', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.record({
            key: fc.constantFrom('a', 'b', 'c'),
            outcomes: fc.array(fc.constantFrom('short', 'long', 'later', 'dead'), { maxLength: 4 }),
          }),
          { minLength: 1, maxLength: 15 },
        ),
        fc.constantFrom('log', 'database'),
        async (records, home) => {
          const done: number[] = []
          const left = records.map(({ outcomes }) => [...outcomes])
          await using app = testApp()
          app.add(
            subscriber('sums', {
              from: numbers,
              whenSpent: 'dead-letter',
              retry: { attempts: 3, delay: '3s', maxDelay: '1m' },
              ...(home === 'database' && { database: shop }),
              on: ({ n }) => {
                const outcome = left[n]!.shift()
                if (outcome === undefined) done.push(n)
                else if (outcome === 'dead') throw new RejectError('no')
                else if (outcome === 'later') throw new RetryAfterError('1h')
                else throw outcome === 'short' ? new RetryAfterError('1s') : new Error('fails')
              },
            }),
          )
          await app.start()
          for (const [n, { key }] of records.entries()) await app.publish(numbers, { key, n })
          await app.advance('3d')
          await app.advance(0)
          const dead = (await app.deadLetters.list()).map(({ value }) => (JSON.parse(value!) as { n: number }).n)
          expect([...done, ...dead].sort((x, y) => x - y)).toEqual([...records.keys()])
          for (const key of ['a', 'b', 'c']) {
            const ofKey = done.filter((n) => records[n]!.key === key)
            expect(ofKey).toEqual([...ofKey].sort((x, y) => x - y))
          }
        },
      ),
      { numRuns: 40 },
    )
  })
})
