import { type Kysely, sql } from 'kysely'
import { RetryAfterError, topic } from 'millrace'
import { batchSubscriber, subscriber } from 'millrace/pubsub'
import { database } from 'millrace/sql'
import { testApp } from 'millrace/testing'
import { describe, expect, it, vi } from 'vitest'
import * as z from 'zod'
import type { AppStatus } from '../app/status.ts'
import type { App } from '../app/types.ts'
import type { Logger } from '../core/logger.ts'
import { LogBusyError, LogFullError } from '../log/embedded/errors.ts'
import { DatabaseBusyError } from '../sql/storage-errors.ts'

interface Tables {
  seen: { n: number; body: string }
}
const numbers = topic('numbers', {
  schema: z.object({ key: z.string(), n: z.number(), body: z.string().optional() }),
  key: ({ key }) => key,
  partitions: 1,
})
const shop = database<Tables>('shop', {
  migrations: {
    '001': {
      up: async (db) => {
        await db.schema.createTable('seen').addColumn('n', 'integer').addColumn('body', 'text').execute()
        await db.schema.createTable('filling').addColumn('bytes', 'blob').execute()
      },
    },
  },
})
const big = 'x'.repeat(100_000)
const sums = (status: AppStatus) => status.components.find(({ name }) => name === 'sums')!
const waits = (app: App, what: RegExp) =>
  vi.waitFor(async () => expect(sums(await app.status()).waitsFor.join('\n')).toMatch(what), 5_000)

/** Leaves no room in the database, until it is called. */
async function fillUp(db: Kysely<Tables>): Promise<() => Promise<void>> {
  await sql`pragma max_page_count = 1`.execute(db) // what it has now
  for (const size of [100_000, 4_000, 100]) {
    const insert = () => sql`insert into filling values (zeroblob(${size}))`.execute(db)
    for (;;)
      if (
        await insert().then(
          () => false,
          (error) => error.code === 'DATABASE_FULL',
        )
      )
        break
  }
  return async () => void (await sql`pragma max_page_count = 1000000`.execute(db))
}
function noteLines(lines: string[]): Logger {
  const note = (message: string) => void lines.push(message)
  return { debug: () => {}, info: note, warn: note, error: note }
}

describe.each(['log', 'database'] as const)('storage that is away, with the %s as home', (home) => {
  const options = home === 'database' ? { database: shop } : {}

  it.each([
    ['a locked database', new DatabaseBusyError('shop.db', 30_000, undefined)],
    ['a locked log', new LogBusyError('log.db', undefined)],
    ['a full log, wrapped', new Error('not stored', { cause: new LogFullError('log.db', undefined) })],
  ])('%s spends no attempts and makes no dead letter', async (_, error) => {
    const lines: string[] = []
    const attempts: number[] = []
    let isAway = true
    await using app = testApp({ logger: noteLines(lines) })
    app.add(
      subscriber('sums', {
        from: numbers,
        ...options,
        retry: { attempts: 1 },
        on: async (_event, { attempt }) => {
          attempts.push(attempt)
          if (isAway) throw error
        },
      }),
    )
    await app.start()
    for (const key of ['a', 'b', 'a']) await app.publish(numbers, { key, n: 1 })
    await app.advance('10m')
    // After 1, 2, 4 … 32, 60, 60 … s, half of it random.
    expect(attempts.length).toBeGreaterThanOrEqual(2 * 14)
    expect(attempts.length).toBeLessThanOrEqual(2 * 27)
    expect(new Set(attempts)).toEqual(new Set([1]))
    const { state, waitsFor, group } = sums(await app.status())
    expect(state).toBe('waiting')
    expect(waitsFor).toEqual([
      expect.stringMatching(/^2 records wait since 2026-.*, spending no attempts: .* The next try is at 2026-/),
    ])
    expect(group!.held).toMatchObject({ keys: 2, records: 3, first: [{ attempt: 1 }, { attempt: 1 }] })
    await expect(app.settled({ timeout: 20 })).rejects.toThrow(/due at 2026-/)
    expect(lines.filter((line) => line.includes('spending no attempts'))).toHaveLength(1)
    isAway = false
    await app.advance('1m')
    await app.settled()
    expect(sums(await app.status())).toMatchObject({ state: 'running', waitsFor: [], group: { lag: 0 } })
    expect(await app.deadLetters.list()).toEqual([])
    expect(lines.filter((line) => line.includes('goes on after'))).toHaveLength(1)
  })

  it('a batch waits as a whole, and is not taken apart', async () => {
    const batches: number[][] = []
    let isAway = true
    await using app = testApp()
    app.add(
      batchSubscriber('sums', {
        from: numbers,
        batch: { size: 10 },
        ...options,
        retry: { attempts: 1 },
        on: async (items) => {
          batches.push(items.map(({ event }) => event.n))
          if (isAway) throw new DatabaseBusyError('shop.db', 30_000, undefined)
        },
      }),
    )
    await app.start()
    await app.publishAll(
      numbers,
      [1, 2, 3].map((n) => ({ key: `k${n}`, n })),
    )
    await app.advance('5m')
    expect(batches.length).toBeGreaterThan(5)
    isAway = false
    await app.advance('1m')
    await app.settled()
    expect(new Set(batches.map(String))).toEqual(new Set(['1,2,3']))
    expect(sums(await app.status()).waitsFor).toEqual([])
    expect(await app.deadLetters.list()).toEqual([])
  })

  it('a handler that names a time itself waits for that time', async () => {
    const times: number[] = []
    await using app = testApp()
    app.add(
      subscriber('sums', {
        from: numbers,
        ...options,
        on: (_event, { now }) => {
          times.push(now().getTime())
          const cause = new DatabaseBusyError('shop.db', 1, undefined)
          if (times.length === 1) throw new RetryAfterError('7s', { cause })
        },
      }),
    )
    await app.start()
    await app.publish(numbers, { key: 'a', n: 1 })
    await app.advance('1m')
    expect(times[1]! - times[0]!).toBe(7_000)
  })
})

describe('a database that is full', () => {
  it('keeps rows and records, spends no attempts, and is written when there is room', async () => {
    const attempts: number[] = []
    await using app = testApp()
    app.add(
      subscriber('sums', {
        from: numbers,
        database: shop,
        retry: { attempts: 1 },
        on: async ({ n }, { tx, attempt }) => {
          attempts.push(attempt)
          await tx
            .insertInto('seen')
            .values({ n, body: big })
            .execute()
            .catch(() => {})
          // SQLite has ended the transaction by itself: this statement is told so, with the full disk as the cause.
          await tx.insertInto('seen').values({ n, body: '' }).execute()
        },
      }),
    )
    await app.start()
    const makeRoom = await fillUp(app.get(shop))
    await app.publish(numbers, { key: 'a', n: 1 })
    await app.advance('10s')
    await waits(app, /spending no attempts: .*no space left/)
    expect(app.health().status).toBe('up')
    await makeRoom()
    await app.advance('1m')
    await app.settled()
    expect(new Set(attempts)).toEqual(new Set([1]))
    expect(await app.get(shop).selectFrom('seen').select('n').execute()).toEqual([{ n: 1 }, { n: 1 }])
    expect(await app.deadLetters.list()).toEqual([])
  })

  it.each(['dead-letter', 'dead-letter-in-order'] as const)(
    'does not end a component that buries a record (%s), and the record is not handled again for it',
    async (whenSpent) => {
      const calls: string[] = []
      await using app = testApp()
      app.add(
        subscriber('sums', {
          from: numbers,
          database: shop,
          retry: { attempts: 2 },
          whenSpent,
          on: async ({ key, n }, { attempt }) => {
            calls.push(`${key}${n}.${attempt}`)
            if (n === 1) throw new Error('bad')
          },
        }),
      )
      await app.start()
      const makeRoom = await fillUp(app.get(shop))
      for (const n of [1, 2]) await app.publish(numbers, { key: 'a', n, body: big })
      await app.advance('3m')
      expect(app.health()).toEqual({ status: 'up', reasons: [] })
      expect(calls.slice(0, 2)).toEqual(['a1.1', 'a1.2'])
      await waits(app, /spending no attempts: .*no space left/)
      await makeRoom()
      await app.advance('2m')
      await app.settled()
      expect(calls.filter((call) => call.startsWith('a1'))).toEqual(['a1.1', 'a1.2'])
      const letters = await app.deadLetters.list()
      const expected = { attempts: 2, message: 'bad', lastFailedAt: expect.stringMatching(/^2026-01-01T00:00:0/) }
      expect(letters).toMatchObject([expected])
      expect(calls.includes('a2.1')).toBe(whenSpent === 'dead-letter')
    },
  )

  it('does not end a component that is told to redrive: the command is carried out once when there is room', async () => {
    let isBad = true
    await using app = testApp()
    app.add(
      subscriber('sums', {
        from: numbers,
        database: shop,
        retry: { attempts: 1 },
        on: async ({ n }, { tx }) => {
          if (isBad) throw new Error('bad')
          await tx.insertInto('seen').values({ n, body: '' }).execute()
        },
      }),
    )
    await app.start()
    await app.publish(numbers, { key: 'a', n: 1, body: big })
    await app.settled()
    isBad = false
    const makeRoom = await fillUp(app.get(shop))
    await app.deadLetters.redrive({})
    await waits(app, /no space left/)
    expect(app.health().status).toBe('up')
    await makeRoom()
    await app.advance('1m')
    await app.settled()
    expect(await app.get(shop).selectFrom('seen').select('n').execute()).toEqual([{ n: 1 }])
    expect(sums(await app.status()).waitsFor).toEqual([])
  })
})
