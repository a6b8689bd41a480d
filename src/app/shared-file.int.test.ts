import { describe, expect, it } from 'vitest'
import * as z from 'zod'
import { until } from '../log/conformance/until.ts'
import { subscriber } from '../pubsub/subscriber.ts'
import { database } from '../sql/index.ts'
import { databaseUrl, fileApp, freshFolder } from '../testing/crash-image.test-support.ts'
import { topic } from '../topics/topic.ts'

const record = z.object({ key: z.string(), n: z.number() })
const numbers = topic('numbers', { schema: record, key: ({ key }) => key, partitions: 4 })
const copies = topic('copies', { schema: record, key: ({ key }) => key, partitions: 4 })
const count = 120
const range = Array.from({ length: count }, (_, n) => n)

interface Tables {
  rows: { n: number; by: string }
}

/** One of several apps on a log and a database: it copies numbers, with a row for each, by its name. */
function build(folder: string, name: string) {
  const app = fileApp(folder)
  const rows = database<Tables>('rows', {
    url: databaseUrl(folder),
    migrations: {
      '001': {
        up: (db) => db.schema.createTable('rows').addColumn('n', 'integer').addColumn('by', 'text').execute(),
      },
    },
  })
  app.add(
    subscriber('copier', {
      from: numbers,
      database: rows,
      on: async (event, { publish, tx }) => {
        await tx.insertInto('rows').values({ n: event.n, by: name }).execute()
        publish(copies, event)
      },
    }),
  )
  return { app, rows: () => app.get(rows).selectFrom('rows').selectAll().execute() }
}

describe('apps in several processes with one log and one database', () => {
  it('share the work: each row once, each message of the outbox once, in the order of its key', async () => {
    const folder = freshFolder()
    const first = build(folder, 'first')
    const read: { key: string; n: number }[] = []
    first.app.add(subscriber('reader', { from: copies, on: (event) => void read.push(event) }))
    await using _first = first.app
    await first.app.start()
    const second = build(folder, 'second')
    const publish = (ns: readonly number[]) =>
      Promise.all(ns.map((n) => first.app.publish(numbers, { key: `key-${n % 7}`, n })))
    {
      await using _second = second.app
      await second.app.start()
      await publish(range.slice(0, 80))
      await until(
        'the first of both to have worked',
        async () => new Set((await first.rows()).map(({ by }) => by)).size === 2,
      )
      // The second one leaves in the middle of it.
    }
    await publish(range.slice(80))
    await until('all copies to be read', () => read.length >= count)
    await first.app.settled()
    expect((await first.rows()).map(({ n }) => n).toSorted((one, other) => one - other)).toEqual(range)
    expect(read.map(({ n }) => n).toSorted((one, other) => one - other)).toEqual(range)
    for (let key = 0; key < 7; key++) {
      const ofKey = read.filter((event) => event.key === `key-${key}`).map(({ n }) => n)
      expect(ofKey).toEqual(ofKey.toSorted((one, other) => one - other))
    }
  })

  it('handle a dead letter again where its partition is now, whoever asks for it', async () => {
    const folder = freshFolder()
    let broken = true
    const handled: string[] = []
    const make = (name: string) => {
      const app = fileApp(folder)
      const on = ({ n }: { n: number }) => {
        if (broken) throw new Error('broken')
        handled.push(`${name} ${n}`)
      }
      app.add(subscriber('picky', { from: numbers, on, retry: { attempts: 1 } }))
      return app
    }
    await using first = make('first')
    await first.start()
    await Promise.all(range.slice(0, 8).map((n) => first.publish(numbers, { key: `key-${n}`, n })))
    await until('all to be dead', async () => (await first.deadLetters.list()).length === 8)
    broken = false
    await using second = make('second')
    await second.start()
    let extra = 1_000
    await until('the second to have partitions', async () => {
      await first.publish(numbers, { key: `key-${extra}`, n: extra++ })
      return handled.some((text) => text.startsWith('second'))
    })
    for (const { id } of await second.deadLetters.list()) await second.deadLetters.redrive({ id })
    const redriven = () => handled.filter((text) => Number(text.split(' ')[1]) < 8)
    await until('all to be handled', () => redriven().length >= 8)
    expect(
      redriven()
        .map((text) => Number(text.split(' ')[1]))
        .toSorted(),
    ).toEqual([0, 1, 2, 3, 4, 5, 6, 7])
    expect(new Set(redriven().map((text) => text.split(' ')[0]))).toEqual(new Set(['first', 'second']))
  })
})
