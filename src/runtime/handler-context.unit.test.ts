import { AsyncLocalStorage } from 'node:async_hooks'
import { describe, expect, it } from 'vitest'
import * as z from 'zod'
import { subscriber } from '../pubsub/index.ts'
import { database } from '../sql/index.ts'
import { Gate } from '../testing/gate.test-support.ts'
import { testApp } from '../testing/index.ts'
import { topic } from '../topics/topic.ts'

const numbers = topic('numbers', { schema: z.object({ number: z.int() }), key: () => 'one', partitions: 1 })
const storage = new AsyncLocalStorage<number>()

describe('the asynchronous context of a handler', () => {
  it.each([
    ['ends at once', () => undefined],
    ['waits', () => Promise.resolve()],
  ])("is never an earlier handler's, when that one %s", async (_, end) => {
    const seen: (number | undefined)[] = []
    const component = subscriber('reader', {
      from: numbers,
      on: ({ number }) => {
        seen.push(storage.getStore())
        storage.enterWith(number)
        return end()
      },
    })
    await using app = testApp()
    app.add(component)
    await app.start()
    await app.publishAll(numbers, [{ number: 1 }, { number: 2 }, { number: 3 }])
    await app.settled()
    expect(seen).toEqual([undefined, undefined, undefined])
  })

  it("is never a publisher's", async () => {
    let seen: number | undefined = -1
    await using app = testApp()
    app.add(
      subscriber('reader', {
        from: numbers,
        on: () => {
          seen = storage.getStore()
        },
      }),
    )
    await app.start()
    await storage.run(7, () => app.publish(numbers, { number: 1 }))
    await app.settled()
    expect(seen).toBe(undefined)
  })
})

describe('the headers of a handler', () => {
  it('are those of its own record, also when they are read after later records were taken', async () => {
    const seen: string[] = []
    const allTaken = Promise.withResolvers<void>()
    let taken = 0
    const spread = topic('spread', { schema: z.object({ number: z.int() }), key: ({ number }) => `${number}` })
    const component = subscriber('reader', {
      from: spread,
      on: async ({ number }, context) => {
        if (++taken === 3) allTaken.resolve()
        await allTaken.promise
        seen.push(`${number}: ${context.headers.get('number')} ${context.headers.get('traceparent')}`)
      },
    })
    await using app = testApp()
    app.add(component)
    await app.start()
    await app.transaction(({ publish }) => {
      for (const number of [1, 2, 3]) {
        publish(spread, { number }, { headers: { number: `header ${number}`, traceparent: `trace ${number}` } })
      }
    })
    await app.settled()
    expect(seen.toSorted()).toEqual(['1: header 1 trace 1', '2: header 2 trace 2', '3: header 3 trace 3'])
  })
})

it('a component that a handler resumes does not run inside its transaction', async () => {
  interface Tables {
    rows: { number: number }
  }
  const rows = database<Tables>('rows', {
    migrations: { '001': { up: (db) => db.schema.createTable('rows').addColumn('number', 'integer').execute() } },
  })
  const wakeUps = topic('wake-ups', { schema: z.object({}), partitions: 1 })
  const gate = new Gate()
  const seen: number[] = []
  const paused = subscriber('paused', {
    from: numbers,
    database: rows,
    retry: { attempts: 1 },
    on: async ({ number }) => {
      if (number === 1) await gate.pass()
      seen.push(number)
    },
  })
  await using app = testApp()
  const handle = app.add(paused)
  app.add(
    subscriber('waker', {
      from: wakeUps,
      database: rows,
      on: async (_, { get, tx }) => {
        await tx.insertInto('rows').values({ number: 0 }).execute()
        await get(paused).resume()
      },
    }),
  )
  await app.start()
  await app.publishAll(numbers, [{ number: 1 }, { number: 2 }])
  await gate.reached
  await handle.pause('the test')
  gate.open()
  await app.publish(wakeUps, {})
  await app.settled()
  expect(seen).toEqual([1, 2])
})
