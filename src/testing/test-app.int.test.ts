import { describe, expect, it } from 'vitest'
import * as z from 'zod'
import { subscriber } from '../pubsub/subscriber.ts'
import { topic } from '../topics/topic.ts'
import { Gate } from './gate.test-support.ts'
import { testApp } from './test-app.ts'

const numbers = topic('numbers', { schema: z.object({ n: z.number() }), key: ({ n }) => `${n}` })

describe('a test app', () => {
  it('stands at the beginning of 2026 until it is moved, and each time to the same', async () => {
    await using app = testApp()
    const times: string[] = []
    app.add(
      subscriber('g', {
        from: numbers,
        on: (_, { now, timestamp }) => void times.push(now().toISOString(), timestamp.toISOString()),
      }),
    )
    await app.start()
    await app.publish(numbers, { n: 1 })
    await app.settled()
    await app.advance('90m')
    await app.publish(numbers, { n: 2 })
    await app.settled()
    const [first, later] = ['2026-01-01T00:00:00.000Z', '2026-01-01T01:30:00.000Z']
    expect(times).toEqual([first, first, later, later])
  })

  it('leaves offsets out, as Kafka does, so that a test that counts them fails here and not in production', async () => {
    await using app = testApp()
    const offsets: number[] = []
    app.add(subscriber('g', { from: numbers, on: (_, { offset }) => void offsets.push(offset) }))
    await app.start()
    for (let again = 0; again < 3; again++) await app.publish(numbers, { n: 1 })
    await app.settled()
    expect(offsets).toEqual([0, 2, 4])
  })

  it('runs what becomes due on the way at its own time, one after the other', async () => {
    await using app = testApp()
    const times: number[] = []
    app.add(
      subscriber('g', {
        from: numbers,
        retry: { attempts: 4, delay: '10s', maxDelay: '10s' },
        on: async (_, { now, attempt }) => {
          times.push(now().getTime() - Date.UTC(2026, 0, 1))
          if (attempt < 4) throw new Error('again')
        },
      }),
    )
    await app.start()
    await app.publish(numbers, { n: 1 })
    await app.advance('1h')
    expect(times).toHaveLength(4)
    times.slice(1).forEach((time, index) => {
      expect(time - times[index]!).toBeGreaterThanOrEqual(5_000)
      expect(time - times[index]!).toBeLessThanOrEqual(10_000)
    })
  })

  it('does not wait for a handler that waits for something else', async () => {
    await using app = testApp()
    const gate = new Gate()
    const seen: number[] = []
    app.add(
      subscriber('g', {
        from: numbers,
        on: async ({ n }) => {
          await gate.pass()
          seen.push(n)
        },
      }),
    )
    await app.start()
    await app.publish(numbers, { n: 1 })
    await app.advance('1s')
    expect(seen).toEqual([])
    gate.open()
    await app.settled()
    expect(seen).toEqual([1])
  })

  it('waits for the others when one component has died', async () => {
    await using app = testApp()
    const seen: string[] = []
    app.add(
      subscriber('dying', {
        from: numbers,
        retry: { attempts: 1 },
        whenSpent: 'stop',
        on: () => {
          throw new Error('dead')
        },
      }),
      subscriber('living', {
        from: numbers,
        retry: { delay: '1s' },
        on: async (_, { attempt }) => {
          await new Promise((resolve) => setImmediate(resolve))
          seen.push(`#${attempt}`)
          if (attempt === 1) throw new Error('again')
        },
      }),
    )
    await app.start()
    await app.publish(numbers, { n: 1 })
    await app.advance('2s')
    expect(seen).toEqual(['#1', '#2'])
    expect(app.health().status).toBe('down')
  })

  it('may be moved before it has started', async () => {
    await using app = testApp()
    await app.advance('1d')
    await app.start()
    expect(app.health().status).toBe('up')
  })
})
