import { describe, expect, it } from 'vitest'
import * as z from 'zod'
import type { App } from '../app/types.ts'
import { subscriber } from '../pubsub/subscriber.ts'
import { database } from '../sql/index.ts'
import { crashImage, databaseUrl, fileApp, freshFolder } from '../testing/crash-image.test-support.ts'
import { topic } from '../topics/topic.ts'

const record = z.object({ key: z.string(), n: z.number() })
const numbers = topic('numbers', { schema: record, key: ({ key }) => key, partitions: 2 })
const copies = topic('copies', { schema: record, key: ({ key }) => key, partitions: 2 })
const count = 60
const keys = 5
const range = Array.from({ length: count }, (_, n) => n)

interface Tables {
  rows: { n: number }
}
const rowsIn = (folder: string) =>
  database<Tables>('rows', {
    url: databaseUrl(folder),
    migrations: { '001': { up: (db) => db.schema.createTable('rows').addColumn('n', 'integer').execute() } },
  })

/** Handlers call it with each record; the test takes an image of the files there, as if the process died. */
type Moment = (where: string, n: number) => void

/** A copier with a row for each record where it has a database, and one who reads the copies. */
function build(folder: string, { home, at = () => {} }: { readonly home: 'log' | 'database'; readonly at?: Moment }) {
  const app = fileApp(folder)
  const rows = rowsIn(folder)
  const read: number[] = []
  if (home === 'log') {
    app.add(
      subscriber('copier', {
        from: numbers,
        on: async (event, { publish }) => {
          publish(copies, event)
          at('copying', event.n)
        },
      }),
    )
  } else {
    app.add(
      subscriber('copier', {
        from: numbers,
        database: rows,
        on: async (event, { publish, tx }) => {
          await tx.insertInto('rows').values({ n: event.n }).execute()
          publish(copies, event)
          at('copying', event.n)
        },
      }),
    )
  }
  app.add(
    subscriber('reader', {
      from: copies,
      on: ({ n }) => {
        read.push(n)
        at('reading', n)
      },
    }),
  )
  const rowCounts = async () => (await app.get(rows).selectFrom('rows').select('n').execute()).map(({ n }) => n)
  return { app, read, rowCounts }
}

/** All copies that are in the log, by a group that nobody had before. */
async function readCopies(app: App, group: string): Promise<readonly { readonly key: string; readonly n: number }[]> {
  const seen: { key: string; n: number }[] = []
  app.add(subscriber(group, { from: copies, on: (event) => void seen.push(event) }))
  await app.start()
  await app.settled()
  return seen
}

async function expectWhole(image: string, home: 'log' | 'database'): Promise<void> {
  const { app, rowCounts } = build(image, { home })
  await using _ = app
  const seen = await readCopies(app, 'check')
  expect(seen.map(({ n }) => n).toSorted((a, b) => a - b)).toEqual(range)
  for (let key = 0; key < keys; key++) {
    expect(seen.filter((copy) => copy.key === `${key}`).map(({ n }) => n)).toEqual(
      range.filter((n) => n % keys === key),
    )
  }
  if (home === 'database') expect((await rowCounts()).toSorted((a, b) => a - b)).toEqual(range)
}

describe.each(['log', 'database'] as const)('killed at any moment, with the %s as commit home', (home) => {
  it('after a restart each record has one copy, in the order of its key, and one row', async () => {
    const folder = freshFolder()
    const images: string[] = []
    const moments = new Set([
      'copying 0',
      'copying 20',
      'copying 41',
      'copying 59',
      'reading 3',
      'reading 30',
      'reading 58',
    ])
    const at: Moment = (where, n) => {
      if (moments.delete(`${where} ${n}`)) images.push(crashImage(folder))
    }
    const { app } = build(folder, { home, at })
    await app.publishAll(
      numbers,
      range.map((n) => ({ key: `${n % keys}`, n })),
    )
    await app.start()
    await app.settled()
    images.push(crashImage(folder))
    await app.stop()
    expect(moments.size).toBe(0)
    for (const image of images) await expectWhole(image, home)
  })

  it('twice in a row it comes to the same', async () => {
    const first = freshFolder()
    let image: string | undefined
    const dieAt =
      (folder: () => string, n: number): Moment =>
      (where, at) => {
        if (image === undefined && where === 'copying' && at === n) image = crashImage(folder())
      }
    const { app } = build(first, { home, at: dieAt(() => first, 15) })
    await app.publishAll(
      numbers,
      range.map((n) => ({ key: `${n % keys}`, n })),
    )
    await app.start()
    await app.settled()
    await app.stop()

    const second = image!
    image = undefined
    const again = build(second, { home, at: dieAt(() => second, 45) })
    await again.app.start()
    await again.app.settled()
    await again.app.stop()
    await expectWhole(image!, home)
  })
})

describe('a database as commit home', () => {
  it('goes on at its own checkpoint over restarts: nothing is handled twice', async () => {
    const folder = freshFolder()
    const handled: number[] = []
    for (let part = 0; part < 3; part++) {
      const { app } = build(folder, {
        home: 'database',
        at: (where, n) => void (where === 'copying' && handled.push(n)),
      })
      await app.start()
      await app.publishAll(
        numbers,
        range.slice(part * 20, part * 20 + 20).map((n) => ({ key: `${n % keys}`, n })),
      )
      await app.settled()
      await app.stop()
    }
    expect(handled.toSorted((a, b) => a - b)).toEqual(range)
  })

  it('keeps neither row nor copy of an attempt that fails', async () => {
    const folder = freshFolder()
    const failed = new Set<number>()
    const at: Moment = (where, n) => {
      if (where !== 'copying' || n % 3 !== 0 || failed.has(n)) return
      failed.add(n)
      throw new Error('at first')
    }
    await using app = fileApp(folder)
    const rows = rowsIn(folder)
    app.add(
      subscriber('copier', {
        from: numbers,
        database: rows,
        retry: { delay: 1 },
        on: async (event, { publish, tx }) => {
          await tx.insertInto('rows').values({ n: event.n }).execute()
          publish(copies, event)
          at('copying', event.n)
        },
      }),
    )
    await app.publishAll(
      numbers,
      range.map((n) => ({ key: `${n % keys}`, n })),
    )
    const seen = await readCopies(app, 'check')
    expect(failed.size).toBe(20)
    expect(seen.map(({ n }) => n).toSorted((a, b) => a - b)).toEqual(range)
    const stored = (await app.get(rows).selectFrom('rows').select('n').execute()).map(({ n }) => n)
    expect(stored.toSorted((a, b) => a - b)).toEqual(range)
  })

  it('that was used with another log is refused: the error names both and what to do', async () => {
    const folder = freshFolder()
    const { app } = build(folder, { home: 'database' })
    await app.start()
    await app.publish(numbers, { key: 'a', n: 1 })
    await app.settled()
    await app.stop()

    const other = freshFolder()
    const moved = fileApp(other)
    moved.add(subscriber('copier', { from: numbers, database: rowsIn(folder), on: () => {} }))
    await expect(moved.start()).rejects.toMatchObject({
      code: 'OUTBOX_OF_ANOTHER_LOG',
      message: expect.stringMatching(
        /^The database file:.*app\.db belongs to another log: .* this log is .*log\.db \(id .*MILLRACE_URL and DATABASE_URL/,
      ),
    })
  })

  it('that was restored from an older copy is not published from', async () => {
    const folder = freshFolder()
    let early: string | undefined
    const at: Moment = (where, n) => {
      if (where === 'copying' && n === 10) early ??= crashImage(folder)
    }
    const { app } = build(folder, { home: 'database', at })
    await app.publishAll(
      numbers,
      range.map((n) => ({ key: `${n % keys}`, n })),
    )
    await app.start()
    await app.settled()
    await app.stop()

    await using rewound = fileApp(folder)
    rewound.add(subscriber('copier', { from: numbers, database: rowsIn(early!), on: () => {} }))
    await expect(rewound.start()).rejects.toMatchObject({ code: 'OUTBOX_REWOUND' })
  })
})
