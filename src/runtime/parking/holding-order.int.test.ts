import { RetryAfterError, topic } from 'millrace'
import { subscriber } from 'millrace/pubsub'
import { queue, worker } from 'millrace/queue'
import { database } from 'millrace/sql'
import { testApp } from 'millrace/testing'
import { afterEach, describe, expect, it } from 'vitest'
import * as z from 'zod'
import { readSettings } from '../../app/millrace.ts'
import { MillraceApp } from '../../app/millrace-app.ts'
import { silentLogger } from '../../core/logger.ts'
import { ManualClock } from '../../core/manual-clock.ts'
import { crashImage, freshFolder, quiet } from '../../testing/crash-image.test-support.ts'
import { Gate } from '../../testing/gate.test-support.ts'
import { parkingLimits } from './parking.ts'

const numbers = topic('numbers', {
  schema: z.object({ key: z.string(), n: z.number() }),
  key: ({ key }) => key,
  partitions: 1,
})
const keyless = topic('keyless', { schema: z.object({ n: z.number() }), partitions: 1 })
const tasks = queue('tasks', {
  schema: z.object({ task: z.literal('t'), key: z.string(), n: z.number() }),
  discriminator: 'task',
  key: ({ key }) => key,
  partitions: 1,
})
const shop = database('shop')

describe.each(['log', 'database'] as const)('with the %s as home', (home) => {
  const options = { whenSpent: 'dead-letter', ...(home === 'database' && { database: shop }) } as const

  it('a redriven record waits for what runs with its key, and neither runs twice', async () => {
    const seen: string[] = []
    let isMended = false
    const opened = new Gate()
    await using app = testApp()
    app.add(
      subscriber('sums', {
        from: numbers,
        ...options,
        retry: { attempts: 2, delay: '10s' },
        on: async ({ n }, { attempt }) => {
          if (!isMended) throw new Error('broken')
          seen.push(`${n}#${attempt} begins`)
          if (n === 2) await opened.pass()
          seen.push(`${n}#${attempt} ends`)
        },
      }),
    )
    await app.start()
    await app.publish(numbers, { key: 'a', n: 1 })
    await app.advance(0)
    await app.advance('10s')
    await app.advance(0)
    await app.publish(numbers, { key: 'a', n: 2 })
    await app.advance(0)
    isMended = true
    // The held one runs when the redrive comes.
    await app.advance('10s')
    await opened.reached
    await app.deadLetters.redrive({})
    await app.advance('1s')
    opened.open()
    await app.advance(0)
    expect(seen).toEqual(['2#2 begins', '2#2 ends', '1#1 begins', '1#1 ends'])
  })

  it('a record that fails while a redriven one waits for it is before those that came behind it', async () => {
    const seen: number[] = []
    const opened = new Gate()
    let isMended = false
    let failures = 0
    await using app = testApp()
    app.add(
      subscriber('sums', {
        from: numbers,
        ...options,
        retry: { attempts: 1 },
        on: async ({ n }) => {
          if (n === 1 && !isMended) throw new Error('broken')
          if (n === 2) {
            await opened.pass()
            if (failures++ === 0) throw new RetryAfterError('1h')
          }
          seen.push(n)
        },
      }),
    )
    await app.start()
    await app.publish(numbers, { key: 'a', n: 1 })
    await app.advance(0)
    for (const n of [2, 3, 4]) await app.publish(numbers, { key: 'a', n })
    isMended = true
    await app.deadLetters.redrive({})
    await app.advance('1s')
    opened.open()
    await app.advance('1s')
    await app.advance(0)
    await app.advance('2h')
    await app.advance(0)
    expect(seen.filter((n) => n !== 1)).toEqual([2, 3, 4])
    expect(seen).toContain(1)
  })

  it('dead letters of one key are redriven in their order while their key is busy', async () => {
    const seen: number[] = []
    let isMended = false
    const opened = new Gate()
    await using app = testApp()
    app.add(
      subscriber('sums', {
        from: numbers,
        ...options,
        retry: { attempts: 1 },
        on: async ({ n }) => {
          if (!isMended && n !== 4) throw new Error('broken')
          if (n === 4) await opened.pass()
          seen.push(n)
        },
      }),
    )
    await app.start()
    for (const n of [1, 2, 3]) await app.publish(numbers, { key: 'a', n })
    await app.advance(0)
    for (const n of [4, 5]) await app.publish(numbers, { key: 'a', n })
    await opened.reached
    isMended = true
    expect(await app.deadLetters.redrive({})).toHaveLength(3)
    await app.advance('1s')
    opened.open()
    await app.advance(0)
    expect(seen).toEqual([4, 1, 2, 3, 5])
  })

  it('a record without a key that two tell to redrive at once is handled once', async () => {
    const seen: number[] = []
    let isMended = false
    await using app = testApp()
    app.add(
      subscriber('sums', {
        from: keyless,
        ...options,
        retry: { attempts: 1 },
        on: ({ n }) => {
          if (!isMended) throw new Error('broken')
          seen.push(n)
        },
      }),
    )
    await app.start()
    await app.publish(keyless, { n: 1 })
    await app.advance(0)
    isMended = true
    await Promise.all([app.deadLetters.redrive({}), app.deadLetters.redrive({}), app.deadLetters.redrive({})])
    await app.advance(0)
    expect(seen).toEqual([1])
  })

  it('a delayed task that was sent before a held one of its key is done behind it', async () => {
    const seen: number[] = []
    let isDown = true
    await using app = testApp()
    app.add(
      worker('workers', {
        from: tasks,
        ...options,
        on: {
          t: ({ n }) => {
            if (isDown) throw new RetryAfterError('1h')
            seen.push(n)
          },
        },
      }),
    )
    await app.start()
    await app.send(tasks, { task: 't', key: 'a', n: 2 }, { delay: '10m' })
    await app.send(tasks, { task: 't', key: 'a', n: 1 })
    await app.advance(0)
    await app.advance('20m')
    await app.advance(0)
    isDown = false
    await app.advance('2h')
    await app.advance(0)
    expect(seen).toEqual([1, 2])
  })
})

/** An app on files, with a clock that the test moves. */
function fileAppAt(folder: string, clock: ManualClock): MillraceApp {
  const options = { url: `file:${folder}/log.db`, logger: silentLogger }
  return new MillraceApp(readSettings('test', options, { clock, databaseUrl: `file:${folder}/app.db` }))
}

describe.each(['log', 'database'] as const)('after a kill, with the %s as home', (home) => {
  it('those behind a held record that was done go on', async () => {
    const folder = freshFolder()
    const clock = new ManualClock(1_000_000)
    const seen: number[] = []
    let isDown = true
    let stuck = new Gate()
    const component = () =>
      subscriber('sums', {
        from: numbers,
        whenSpent: 'dead-letter',
        ...(home === 'database' && { database: shop }),
        on: async ({ n }) => {
          if (isDown) throw new RetryAfterError('10m')
          seen.push(n)
          if (n === 2) await stuck.pass()
        },
      })
    const first = fileAppAt(folder, clock)
    first.add(component())
    await first.start()
    for (const n of [1, 2, 3]) await first.publish(numbers, { key: 'a', n })
    await quiet(first)
    isDown = false
    clock.advanceBy(10 * 60_000)
    await expect.poll(() => seen).toEqual([1, 2])
    const image = crashImage(folder)
    stuck.open()
    await first.stop()

    stuck = new Gate()
    stuck.open()
    seen.length = 0
    await using second = fileAppAt(image, clock)
    second.add(component())
    await second.start()
    await quiet(second)
    // What was done is done again only if its commit was not through yet: a commit of the log gathers.
    expect(seen.filter((n) => n !== 1)).toEqual([2, 3])
  })
})

describe.each(['log', 'database'] as const)('after a kill, with the %s as home', (home) => {
  it('a record that ran while one of its key was redriven is not behind those that came after it', async () => {
    const folder = freshFolder()
    const clock = new ManualClock(1_000_000)
    const seen: number[] = []
    let isBroken = true
    let running = new Gate()
    const component = () =>
      subscriber('sums', {
        from: numbers,
        ...(home === 'database' && { database: shop }),
        retry: { attempts: 1 },
        on: async ({ n }) => {
          if (n === 1 && isBroken) throw new Error('broken')
          if (n === 2) await running.pass()
          seen.push(n)
        },
      })
    const first = fileAppAt(folder, clock)
    first.add(component())
    await first.start()
    await first.publish(numbers, { key: 'a', n: 1 })
    await first.settled()
    await first.publish(numbers, { key: 'a', n: 2 })
    await running.reached
    await first.publish(numbers, { key: 'a', n: 3 })
    await first.deadLetters.redrive({})
    await first.publish(numbers, { key: 'a', n: 4 })
    // Until the redrive is committed.
    await expect
      .poll(async () => (await first.unsettled()).map(({ what }) => what))
      .toEqual([
        expect.stringContaining('numbers/0 is at 1, its end is 4'),
        expect.stringContaining('a held record of numbers/0'),
      ])
    const image = crashImage(folder)
    running.open()
    await first.stop()

    seen.length = 0
    isBroken = false
    running = new Gate()
    running.open()
    await using second = fileAppAt(image, clock)
    second.add(component())
    await second.start()
    await second.settled()
    expect(seen).toEqual([1, 2, 3, 4])
  })
})

describe('a full store', () => {
  const { records } = parkingLimits
  afterEach(() => {
    parkingLimits.records = records
  })

  it('lets no delayed task go before its time', async () => {
    parkingLimits.records = 1
    const done: string[] = []
    await using app = testApp()
    app.add(
      worker('workers', {
        from: tasks,
        on: { t: ({ n }, { now }) => void done.push(`${n} at ${now().toISOString()}`) },
      }),
    )
    await app.start()
    await app.send(tasks, { task: 't', key: 'a', n: 1 }, { delay: '10m' })
    await app.send(tasks, { task: 't', key: 'b', n: 2 }, { delay: '5m' })
    await app.send(tasks, { task: 't', key: 'c', n: 3 })
    await app.advance('1h')
    await app.advance(0)
    expect(done).toEqual([
      '3 at 2026-01-01T00:00:00.000Z',
      '2 at 2026-01-01T00:05:00.000Z',
      '1 at 2026-01-01T00:10:00.000Z',
    ])
  })
})
