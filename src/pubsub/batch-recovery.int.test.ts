import { topic } from 'millrace'
import { batchSubscriber, subscriber } from 'millrace/pubsub'
import { database } from 'millrace/sql'
import { describe, expect, it } from 'vitest'
import * as z from 'zod'
import type { BatchItem } from '../runtime/batches/batch.ts'
import { crashImage, databaseUrl, fileApp, freshFolder } from '../testing/crash-image.test-support.ts'

const record = z.object({ key: z.string(), n: z.number() })
const numbers = topic('numbers', { schema: record, key: ({ key }) => key, partitions: 2 })
const copies = topic('copies', { schema: record, key: ({ key }) => key, partitions: 2 })
const range = Array.from({ length: 120 }, (_, n) => n)
const keys = 7
type Items = readonly BatchItem<z.infer<typeof record>>[]

const rowsIn = (folder: string) =>
  database<{ rows: { n: number } }>('rows', {
    url: databaseUrl(folder),
    migrations: { '001': { up: (db) => db.schema.createTable('rows').addColumn('n', 'integer').execute() } },
  })

/** A copier in batches, with a row for each record where it has a database; `at` sees each call before its items fail. */
function build(folder: string, home: 'log' | 'database', at: (call: number, items: Items) => void = () => {}) {
  const app = fileApp(folder)
  const rows = rowsIn(folder)
  let calls = 0
  const fail = (items: Items) => {
    at(++calls, items)
    if (calls % 5 === 3) throw new Error('all of it')
    // Each third call two fail, one of them with records of its key behind it.
    if (calls % 3 === 2) for (const index of [0, 4]) items[index]?.fail(new Error('at first'))
  }
  const common = { from: numbers, batch: { size: 10 }, retry: { attempts: 1_000, delay: 2, maxDelay: 4 } } as const
  if (home === 'log') {
    app.add(
      batchSubscriber('copier', {
        ...common,
        on: async (items, { publish }) => {
          for (const { event } of items) publish(copies, event)
          fail(items)
        },
      }),
    )
  } else {
    app.add(
      batchSubscriber('copier', {
        ...common,
        database: rows,
        on: async (items, { publish, tx }) => {
          for (const { event } of items) publish(copies, event)
          await tx
            .insertInto('rows')
            .values(items.map(({ event: { n } }) => ({ n })))
            .execute()
          fail(items)
        },
      }),
    )
  }
  return { app, rows, calls: () => calls }
}

async function expectWhole(image: string, home: 'log' | 'database'): Promise<void> {
  const { app, rows } = build(image, home)
  await using _ = app
  const seen: { key: string; n: number }[] = []
  app.add(subscriber('check', { from: copies, on: (event) => void seen.push(event) }))
  await app.start()
  await app.settled()
  expect(seen.map(({ n }) => n).toSorted((a, b) => a - b)).toEqual(range)
  for (let key = 0; key < keys; key++) {
    const ofKey = seen.filter((copy) => copy.key === `${key}`).map(({ n }) => n)
    expect(ofKey).toEqual(range.filter((n) => n % keys === key))
  }
  if (home === 'log') return
  const stored = await app.get(rows).selectFrom('rows').select('n').execute()
  expect(stored.map(({ n }) => n).toSorted((a, b) => a - b)).toEqual(range)
}

describe.each(['log', 'database'] as const)('batches, killed at any moment, with the %s as commit home', (home) => {
  it('have one copy of each record after a restart, in the order of its key, and one row, whatever failed', async () => {
    const folder = freshFolder()
    const images: string[] = []
    const moments = new Set([1, 2, 3, 4, 6, 9, 14, 20])
    const { app, calls } = build(folder, home, (call) => {
      if (moments.has(call)) images.push(crashImage(folder))
    })
    await app.publishAll(
      numbers,
      range.map((n) => ({ key: `${n % keys}`, n })),
    )
    await app.start()
    await app.settled()
    images.push(crashImage(folder))
    await app.stop()
    expect(calls()).toBeGreaterThan(20)
    for (const image of images) await expectWhole(image, home)
  })
})
