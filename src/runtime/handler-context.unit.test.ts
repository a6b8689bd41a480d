import { AsyncLocalStorage } from 'node:async_hooks'
import { describe, expect, it } from 'vitest'
import * as z from 'zod'
import { subscriber } from '../pubsub/index.ts'
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
