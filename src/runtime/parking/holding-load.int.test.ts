import { RetryAfterError, topic } from 'millrace'
import { subscriber } from 'millrace/pubsub'
import { testApp } from 'millrace/testing'
import { describe, expect, it } from 'vitest'
import * as z from 'zod'

const numbers = topic('numbers', {
  schema: z.object({ key: z.string(), n: z.int() }),
  key: ({ key }) => key,
  partitions: 1,
})

describe('holding', () => {
  it('takes ten thousand keys that fail at once, while another goes on', { timeout: 60_000 }, async () => {
    const seen: string[] = []
    let isDown = true
    await using app = testApp()
    app.add(
      subscriber('sums', {
        from: numbers,
        on: ({ key }) => {
          if (isDown && key !== 'free') throw new RetryAfterError('1m')
          seen.push(key)
        },
      }),
    )
    await app.start()
    await app.publishAll(
      numbers,
      Array.from({ length: 10_000 }, (_, n) => ({ key: `k${n}`, n })),
    )
    await app.publish(numbers, { key: 'free', n: 0 })
    await expect.poll(() => seen, { timeout: 30_000 }).toEqual(['free'])
    expect((await app.status()).components[0]!.group!.held).toMatchObject({ keys: 10_000, records: 10_000 })
    isDown = false
    await app.advance('1m')
    await app.settled()
    expect(new Set(seen).size).toBe(10_001)
    expect(seen).toHaveLength(10_001)
  })

  it('has thirty thousand records behind one: up to its bound, then says why it waits', {
    timeout: 60_000,
  }, async () => {
    const seen: number[] = []
    let isDown = true
    await using app = testApp()
    app.add(
      subscriber('sums', {
        from: numbers,
        on: ({ n }) => {
          if (isDown) throw new RetryAfterError('1m')
          seen.push(n)
        },
      }),
    )
    await app.start()
    await app.publishAll(
      numbers,
      Array.from({ length: 30_000 }, (_, n) => ({ key: 'a', n })),
    )
    const waitsFor = async () => (await app.status()).components[0]!.waitsFor.join()
    await expect.poll(waitsFor, { timeout: 30_000 }).toContain("10000 records of key 'a' are held")
    isDown = false
    await app.advance('1m')
    await app.settled()
    expect(seen).toHaveLength(30_000)
    expect(seen.every((n, index) => n === index)).toBe(true)
  })
})
