import fc from 'fast-check'
import { RejectError, RetryAfterError, topic } from 'millrace'
import { batchSubscriber, subscriber } from 'millrace/pubsub'
import { database } from 'millrace/sql'
import { testApp } from 'millrace/testing'
import { describe, expect, it } from 'vitest'
import * as z from 'zod'
import type { BatchItem } from '../runtime/batches/batch.ts'
import { Gate } from '../testing/gate.test-support.ts'
import { jsonAsWritten, writtenAs } from '../topics/written-as.test-support.ts'

const record = z.object({ key: z.string(), n: z.number() })
const numbers = topic('numbers', { schema: record, key: ({ key }) => key, partitions: 1 })
const spread = topic('spread', { schema: record, key: ({ key }) => key, partitions: 4 })
const copies = topic('copies', { schema: record, key: ({ key }) => key, partitions: 1 })
const shop = database<{ seen: { what: string } }>('shop', {
  migrations: { '001': { up: (db) => db.schema.createTable('seen').addColumn('what', 'text').execute() } },
})
type Items = readonly BatchItem<z.infer<typeof record>>[]
const namesOf = (items: Items) => items.map(({ event: { key, n } }) => `${key}${n}`)
const records = (...names: readonly string[]) => names.map((name) => ({ key: name[0]!, n: Number(name.slice(1)) }))

describe('a batch subscriber', () => {
  it('hands its records over in batches of one partition, in order, at most as large as it says', async () => {
    const batches: { partition: number; offsets: number[] }[] = []
    await using app = testApp()
    app.add(
      batchSubscriber('b', {
        from: spread,
        batch: { size: 7 },
        on: (items) => {
          expect(new Set(items.map(({ partition }) => partition)).size).toBe(1)
          batches.push({ partition: items[0]!.partition, offsets: items.map(({ offset }) => offset) })
        },
      }),
    )
    await app.publishAll(
      spread,
      Array.from({ length: 100 }, (_, n) => ({ key: `${n % 13}`, n })),
    )
    await app.start()
    await app.settled()
    for (let partition = 0; partition < 4; partition++) {
      const own = batches.filter((batch) => batch.partition === partition)
      const offsets = own.flatMap((batch) => batch.offsets)
      expect(offsets).toEqual(offsets.toSorted((one, other) => one - other))
      for (const batch of own.slice(0, -1)) expect(batch.offsets).toHaveLength(7)
    }
    expect(batches.flatMap(({ offsets }) => offsets)).toHaveLength(100)
  })

  it('gives each item what a record has', async () => {
    let seen: object | undefined
    await using app = testApp()
    app.add(
      batchSubscriber('b', {
        from: numbers,
        batch: { size: 2 },
        on: ([item]) => {
          const { event, id, key, headers, timestamp, topic, partition, offset } = item!
          seen = { event, id, key, colour: headers.get('colour'), timestamp, topic, partition, offset }
        },
      }),
    )
    await app.publish(numbers, { key: 'a', n: 1 }, { id: 'number-1', headers: { colour: 'red' } })
    await app.start()
    await app.settled()
    const place = { topic: 'numbers', partition: 0, offset: 0, timestamp: new Date('2026-01-01T00:00:00.000Z') }
    expect(seen).toEqual({ event: { key: 'a', n: 1 }, id: 'number-1', key: 'a', colour: 'red', ...place })
  })

  it('waits for more until the first has waited as long as it says, and not when the batch is full', async () => {
    const batches: string[][] = []
    await using app = testApp()
    app.add(
      batchSubscriber('b', {
        from: numbers,
        batch: { size: 3, wait: '1s' },
        on: (items) => void batches.push(namesOf(items)),
      }),
    )
    await app.start()
    await app.publish(numbers, { key: 'a', n: 1 })
    await app.advance('600ms')
    await app.publish(numbers, { key: 'a', n: 2 })
    await app.advance('399ms')
    expect(batches).toEqual([])
    await expect(app.settled({ timeout: 20 })).rejects.toThrow(/due at 2026-01-01T00:00:01.000Z/)
    await app.advance('1ms')
    expect(batches).toEqual([['a1', 'a2']])
    await app.publishAll(numbers, records('a3', 'a4', 'a5'))
    await app.settled()
    expect(batches).toEqual([
      ['a1', 'a2'],
      ['a3', 'a4', 'a5'],
    ])
  })

  it('has one batch of a partition at a time, and as many of different ones as it says', async () => {
    const running = new Map<number, number>()
    let most = 0
    await using app = testApp()
    const gate = new Gate()
    app.add(
      batchSubscriber('b', {
        from: spread,
        concurrency: 2,
        batch: { size: 5 },
        on: async ([first]) => {
          const { partition } = first!
          expect(running.get(partition) ?? 0).toBe(0)
          running.set(partition, 1)
          most = Math.max(most, running.size)
          await gate.pass()
          running.delete(partition)
        },
      }),
    )
    await app.publishAll(
      spread,
      Array.from({ length: 60 }, (_, n) => ({ key: `${n}`, n })),
    )
    await app.start()
    await gate.reached
    gate.open()
    await app.settled()
    expect(most).toBe(2)
  })

  it('handles tombstones alone, in their turn', async () => {
    const seen: string[] = []
    await using app = testApp()
    app.add(
      batchSubscriber('b', {
        from: numbers,
        batch: { size: 10 },
        on: (items) => void seen.push(namesOf(items).join()),
        onTombstone: (key) => void seen.push(`gone ${key}`),
      }),
    )
    await app.publishAll(numbers, records('a1', 'b1'))
    await app.tombstone(numbers, 'a')
    await app.publishAll(numbers, records('a2', 'b2'))
    await app.start()
    await app.settled()
    expect(seen).toEqual(['a1,b1', 'gone a', 'a2,b2'])
  })

  it('puts a record that cannot be read into the dead letters alone, and goes on', async () => {
    const written = topic('numbers', { schema: record, key: ({ key }) => key, codec: jsonAsWritten, partitions: 1 })
    const seen: string[] = []
    await using app = testApp()
    app.add(
      batchSubscriber('b', {
        from: written,
        batch: { size: 10 },
        on: (items) => void seen.push(namesOf(items).join()),
      }),
    )
    const broken = writtenAs({ key: 'a', n: 2 }, { key: 'a', n: 'x' })
    await app.publishAll(written, [{ key: 'a', n: 1 }, broken, { key: 'a', n: 3 }])
    await app.start()
    await app.settled()
    expect(seen).toEqual(['a1', 'a3'])
    expect(await app.deadLetters.list()).toMatchObject([{ name: 'UnreadableRecordError', attempts: 1, key: 'a' }])
  })

  it('takes no verdict on an item from a handler that has ended', async () => {
    let late: (() => void) | undefined
    await using app = testApp()
    const on = ([item]: Items) => {
      late = () => item!.fail(new Error('too late'))
    }
    app.add(batchSubscriber('b', { from: numbers, batch: { size: 10 }, on }))
    await app.publish(numbers, { key: 'a', n: 1 })
    await app.start()
    await app.settled()
    expect(late).toThrow(/fail/)
  })

  it('is paused and resumed, has a lag, and a time limit for the whole batch', async () => {
    const aborted: unknown[] = []
    let calls = 0
    await using app = testApp()
    const handle = app.add(
      batchSubscriber('b', {
        from: numbers,
        batch: { size: 10 },
        timeout: '1s',
        retry: { delay: '1s', maxDelay: '1s' },
        on: async (_, { signal }) => {
          if (++calls === 1) await new Promise((resolve) => signal.addEventListener('abort', resolve))
          aborted.push(signal.reason?.code)
        },
      }),
    )
    await app.start()
    await handle.pause('maintenance')
    await app.publishAll(numbers, records('a1', 'a2'))
    await expect(app.settled({ timeout: 20 })).rejects.toThrow(/paused: maintenance/)
    expect(await handle.lag()).toBeGreaterThanOrEqual(2)
    await handle.resume()
    await app.advance('3s')
    await app.settled()
    expect(calls).toBe(2)
    expect(await handle.lag()).toBe(0)
    expect(aborted).toEqual(['ATTEMPT_TIMEOUT', undefined])
  })

  it('shows middleware one call for a batch, with the place of its first record', async () => {
    const seen: object[] = []
    await using app = testApp()
    app.use(async ({ topic, partition, offset, id, key, attempt }, next) => {
      seen.push({ topic, partition, offset, id, key, attempt })
      await next()
    })
    app.add(
      batchSubscriber('b', { from: numbers, batch: { size: 10 }, on: (items) => items[1]!.fail(new Error('no')) }),
    )
    await app.publish(numbers, { key: 'a', n: 1 }, { id: 'first' })
    await app.publish(numbers, { key: 'b', n: 2 })
    await app.start()
    await expect(app.settled({ timeout: 50 })).rejects.toThrow()
    expect(seen).toEqual([{ topic: 'numbers', partition: 0, offset: 0, id: 'first', key: null, attempt: 1 }])
  })
})

describe.each(['log', 'database'] as const)('a batch that fails, with the %s as home', (home) => {
  /** An app with a batch subscriber that copies what it handles, into a topic and, where it has one, into its database. */
  async function bench(options: {
    readonly handle: (items: Items, attempt: number) => void
    readonly size?: number
    readonly attempts?: number
    readonly whenSpent?: 'dead-letter' | 'skip' | 'stop'
  }) {
    const { handle, size = 10, attempts = 3, whenSpent = 'dead-letter' } = options
    const app = testApp()
    const calls: string[] = []
    const seen: string[] = []
    const common = { from: numbers, batch: { size }, whenSpent, retry: { attempts, delay: '1s' } } as const
    const note = (items: Items) => calls.push(namesOf(items).join())
    if (home === 'log') {
      app.add(
        batchSubscriber('b', {
          ...common,
          on: async (items, { publish }) => {
            note(items)
            for (const { event } of items) publish(copies, event)
            handle(items, calls.length)
          },
        }),
      )
    } else {
      app.add(
        batchSubscriber('b', {
          ...common,
          database: shop,
          on: async (items, { publish, tx }) => {
            note(items)
            for (const { event } of items) {
              publish(copies, event)
              await tx
                .insertInto('seen')
                .values({ what: `${event.key}${event.n}` })
                .execute()
            }
            handle(items, calls.length)
          },
        }),
      )
    }
    app.add(subscriber('reader', { from: copies, on: ({ key, n }) => void seen.push(`${key}${n}`) }))
    const rows = async () => (await app.get(shop).selectFrom('seen').selectAll().execute()).map(({ what }) => what)
    /** Everything is copied so often, and has as many rows. */
    const expectSeen = async (names: readonly string[]) => {
      expect(seen).toEqual(names)
      if (home === 'database') expect(await rows()).toEqual(names)
    }
    return { app, calls, seen, expectSeen }
  }

  it('because of one item commits the rest once, and that item once it goes well', async () => {
    const { app, calls, expectSeen } = await bench({
      handle: (items, call) => {
        if (call === 1) items[1]!.fail(new Error('not yet'))
      },
    })
    await using _ = app
    await app.publishAll(numbers, records('a1', 'b1', 'c1'))
    await app.start()
    await app.advance(0)
    await expectSeen(['a1', 'c1'])
    await app.advance('2s')
    await app.settled()
    expect(calls).toEqual(['a1,b1,c1', 'a1,c1', 'b1'])
    await expectSeen(['a1', 'c1', 'b1'])
  })

  it('because of one item hands those of its key behind it over again, after it', async () => {
    const { app, calls, expectSeen } = await bench({
      handle: (items, call) => {
        if (call === 1) items.find(({ event: { n } }) => n === 2)!.fail(new Error('not yet'))
      },
    })
    await using _ = app
    await app.publishAll(numbers, records('a1', 'a2', 'b1', 'a3', 'a4'))
    await app.start()
    await app.advance(0)
    await expectSeen(['a1', 'b1'])
    await app.publishAll(numbers, records('a5', 'b2'))
    await app.advance(0)
    await expectSeen(['a1', 'b1', 'b2'])
    await app.advance('2s')
    await app.settled()
    expect(calls).toEqual(['a1,a2,b1,a3,a4', 'a1,b1', 'b2', 'a2', 'a3,a4,a5'])
    await expectSeen(['a1', 'b1', 'b2', 'a2', 'a3', 'a4', 'a5'])
  })

  it('because of an item that never goes well makes a dead letter of that alone, with its attempts', async () => {
    const { app, expectSeen } = await bench({
      handle: (items) => items.find(({ event: { key } }) => key === 'b')?.fail(new TypeError('broken')),
    })
    await using _ = app
    await app.publishAll(numbers, records('a1', 'b1', 'c1'))
    await app.start()
    await app.advance('1m')
    await app.settled()
    await expectSeen(['a1', 'c1'])
    expect(await app.deadLetters.list()).toMatchObject([
      { key: 'b', attempts: 3, message: 'broken', name: 'TypeError' },
    ])
  })

  it('by throwing is tried again as a whole, and at last one by one, so that only the guilty die', async () => {
    const { app, calls, expectSeen } = await bench({
      handle: (items) => {
        if (items.some(({ event: { key } }) => key === 'b')) throw new TypeError('broken')
      },
    })
    await using _ = app
    await app.publishAll(numbers, records('a1', 'b1', 'c1', 'a2'))
    await app.start()
    await app.advance('1m')
    await app.settled()
    expect(calls).toEqual([...Array(3).fill('a1,b1,c1,a2'), 'a1', 'b1', 'c1', 'a2'])
    await expectSeen(['a1', 'c1', 'a2'])
    expect(await app.deadLetters.list()).toMatchObject([{ key: 'b', attempts: 3, message: 'broken' }])
  })

  it('by rejecting is handled one by one at once', async () => {
    const { app, calls } = await bench({
      handle: (items) => {
        if (items.some(({ event: { key } }) => key === 'b')) throw new RejectError('never')
      },
    })
    await using _ = app
    await app.publishAll(numbers, records('a1', 'b1'))
    await app.start()
    await app.settled()
    expect(calls).toEqual(['a1,b1', 'a1', 'b1'])
    expect(await app.deadLetters.list()).toMatchObject([{ key: 'b', attempts: 1 }])
  })

  it('with a RetryAfterError comes again after its time, and spends no attempt', async () => {
    const { app, calls, expectSeen } = await bench({
      attempts: 1,
      handle: (_items, call) => {
        if (call < 4) throw new RetryAfterError('10s')
      },
    })
    await using _ = app
    await app.publishAll(numbers, records('a1', 'b1'))
    await app.start()
    await app.advance('29s')
    expect(calls).toHaveLength(3)
    await app.advance('1s')
    await expectSeen(['a1', 'b1'])
  })

  it('again and again item by item is taken apart in the end, and nothing is done twice or lost', async () => {
    const { app, calls, expectSeen } = await bench({
      attempts: 5,
      handle: (items, call) => {
        if (call <= 2) items[0]!.fail(new Error('not yet'))
      },
    })
    await using _ = app
    await app.publishAll(numbers, records('a1', 'b1', 'a2', 'c1'))
    await app.start()
    await app.advance('10s')
    await app.settled()
    expect(calls).toEqual(['a1,b1,a2,c1', 'b1,c1', 'a1', 'b1', 'a2', 'c1'])
    await expectSeen(['a1', 'b1', 'a2', 'c1'])
  })

  it('stops the component where it is told to, at the guilty record', async () => {
    const { app, seen } = await bench({
      attempts: 1,
      whenSpent: 'stop',
      handle: (items) => {
        if (items.some(({ event: { key } }) => key === 'b')) throw new TypeError('broken')
      },
    })
    await using _ = app
    await app.publishAll(numbers, records('a1', 'b1', 'c1'))
    await app.start()
    await expect(app.settled()).rejects.toThrow(/'b' failed 1 time .*numbers\/0 at offset 1/)
    expect(seen.slice(1)).toEqual([])
  })

  it('comes back from the dead letters as a batch of its own, before what waits for its key', async () => {
    let isMended = false
    const { app, calls, expectSeen } = await bench({
      attempts: 1,
      handle: (items) => {
        for (const { event, fail } of items) if (event.n === 1 && !isMended) fail(new Error('broken'))
      },
    })
    await using _ = app
    await app.publishAll(numbers, records('a1', 'a2'))
    await app.start()
    await app.settled()
    isMended = true
    const [letter] = await app.deadLetters.list()
    await app.deadLetters.redrive({ id: letter!.id })
    await app.settled()
    expect(calls).toEqual(['a1,a2', 'a2', 'a1'])
    await expectSeen(['a2', 'a1'])
  })

  it('is held item by item where the wait is long, with those of its key, while others go on', async () => {
    const app = testApp()
    await using _ = app
    const calls: string[] = []
    app.add(
      batchSubscriber('b', {
        from: numbers,
        ...(home === 'database' && { database: shop }),
        batch: { size: 3 },
        retry: { delay: '1m' },
        on: async (items) => {
          calls.push(namesOf(items).join())
          if (calls.length === 1) items[0]!.fail(new Error('not yet'))
        },
      }),
    )
    await app.publishAll(numbers, records('a1', 'a2', 'b1', 'a3', 'b2', 'b3'))
    await app.start()
    await app.advance(0)
    expect(calls.slice(-1)).toEqual(['b2,b3'])
    const before = calls.length
    await app.advance('1m')
    await app.settled()
    expect(calls.slice(before)).toEqual(['a1', 'a2', 'a3'])
  })
})

describe('an outage during a batch', () => {
  class OutageError extends Error {}
  const pauseOn = (error: Error) => error instanceof OutageError

  it.each(['thrown', 'of an item'])('that is %s pauses the component, and spends no attempt', async (how) => {
    let isAway = true
    const calls: string[] = []
    await using app = testApp()
    app.add(
      batchSubscriber('b', {
        from: numbers,
        batch: { size: 2 },
        pauseOn,
        retry: { attempts: 1 },
        on: (items) => {
          calls.push(namesOf(items).join())
          if (!isAway) return
          if (how === 'thrown') throw new OutageError('away')
          for (const item of items) item.fail(new OutageError('away'))
        },
      }),
    )
    await app.publishAll(numbers, records('a1', 'b1', 'a2', 'b2', 'c1'))
    await app.start()
    await app.advance('2m')
    expect(calls.length).toBeGreaterThanOrEqual(6)
    expect(calls.length).toBeLessThanOrEqual(14)
    expect(new Set(calls).size).toBeLessThanOrEqual(3)
    isAway = false
    await app.advance('30s')
    await app.settled()
    expect(await app.deadLetters.list()).toEqual([])
    const done = calls.join().split(',')
    expect(done.indexOf('a2')).toBeGreaterThan(done.lastIndexOf('a1'))
    expect(done).toContain('c1')
  })
})

describe('over any outages, failures and sizes', () => {
  class OutageError extends Error {}
  const outcome = fc.constantFrom('ok', 'ok', 'ok', 'throw', 'item', 'item', 'items', 'outage', 'item outage', 'later')
  const script = fc.record({
    keys: fc.array(fc.constantFrom('a', 'b', 'c', 'd'), { minLength: 1, maxLength: 25 }),
    outcomes: fc.array(outcome, { maxLength: 40 }),
    size: fc.integer({ min: 1, max: 8 }),
    wait: fc.constantFrom(0, '100ms' as const),
    delay: fc.constantFrom('0ms' as const, '10ms' as const, '1s' as const, '20s' as const),
    home: fc.constantFrom('log', 'database'),
    putsOut: fc.boolean(),
    isAsync: fc.boolean(),
  })

  it('a batch subscriber copies each record once, in the order of its key', async () => {
    await fc.assert(
      fc.asyncProperty(script, async ({ keys, outcomes, size, wait, delay, home, putsOut, isAsync }) => {
        await using app = testApp()
        const seen: string[] = []
        const handled: string[] = []
        let at = 0
        const fail = (items: Items) => {
          const what = outcomes[at++] ?? 'ok'
          const picked = items[at % items.length]!
          if (what === 'throw') throw new TypeError('broken')
          if (what === 'outage') throw new OutageError('away')
          if (what === 'later') throw new RetryAfterError('3s')
          if (what === 'item') picked.fail(new TypeError('broken'))
          if (what === 'item outage') picked.fail(new OutageError('away'))
          const bad = what === 'items' ? items.filter((_, index) => (index + at) % 2 === 0) : []
          for (const item of bad) item.fail(new TypeError('broken'))
          handled.push(...namesOf(items))
        }
        app.add(
          batchSubscriber('b', {
            from: numbers,
            ...(home === 'database' && { database: shop }),
            batch: { size, wait },
            retry: { attempts: 100, delay, maxDelay: delay },
            pauseOn: (error) => error instanceof OutageError,
            on: (items, { publish }) => {
              const work = () => {
                if (putsOut) for (const { event } of items) publish(copies, event)
                fail(items)
              }
              return isAsync ? Promise.resolve().then(work) : work()
            },
          }),
        )
        app.add(subscriber('reader', { from: copies, on: ({ key, n }) => void seen.push(`${key}${n}`) }))
        await app.start()
        const half = Math.ceil(keys.length / 2)
        const all = keys.map((key, n) => ({ key, n }))
        await app.publishAll(numbers, all.slice(0, half))
        await app.advance('1s')
        await app.publishAll(numbers, all.slice(half))
        await app.advance('1h')
        await app.settled()
        for (const key of ['a', 'b', 'c', 'd']) {
          const expected = all.filter((each) => each.key === key).map(({ n }) => `${key}${n}`)
          if (putsOut) expect(seen.filter((name) => name.startsWith(key))).toEqual(expected)
          // Each was handled, and the last times of them are in order.
          const last = expected.map((name) => handled.lastIndexOf(name))
          expect(last.every((index, place) => index >= 0 && (place === 0 || index > last[place - 1]!))).toBe(true)
        }
        expect(await app.deadLetters.list()).toEqual([])
      }),
      { numRuns: 60 },
    )
  })
})
