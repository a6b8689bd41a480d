import { describe, expect, it } from 'vitest'
import * as z from 'zod'
import { ComponentFailedError } from '../app/errors.ts'
import type { HandlerContext } from '../runtime/context.ts'
import { AttemptsSpentError } from '../runtime/errors.ts'
import { crashImage, fileApp, freshFolder } from '../testing/crash-image.test-support.ts'
import { Gate, turn } from '../testing/gate.test-support.ts'
import { testApp } from '../testing/test-app.ts'
import { json } from '../topics/codec.ts'
import { UnreadableRecordError } from '../topics/errors.ts'
import { orderEvents, paid } from '../topics/order-events.test-support.ts'
import { topic } from '../topics/topic.ts'
import { jsonAsWritten, writtenAs } from '../topics/written-as.test-support.ts'
import { subscriber } from './subscriber.ts'

const numbers = topic('numbers', {
  schema: z.object({ key: z.string(), n: z.number() }),
  key: ({ key }) => key,
  codec: jsonAsWritten,
  partitions: 3,
})
const doubled = topic('doubled', { schema: z.object({ n: z.number() }) })
const range = (count: number) => Array.from({ length: count }, (_, n) => n)

describe('subscribers', () => {
  it('get every record, each group all of them', async () => {
    await using app = testApp()
    const seen: Record<string, number[]> = { one: [], two: [] }
    for (const group of ['one', 'two']) {
      app.add(subscriber(group, { from: numbers, on: ({ n }) => void seen[group]!.push(n) }))
    }
    await app.start()
    await app.publishAll(
      numbers,
      range(500).map((n) => ({ key: `${n % 17}`, n })),
    )
    await app.settled()
    for (const group of ['one', 'two']) expect(seen[group]!.toSorted((a, b) => a - b)).toEqual(range(500))
  })

  it('handle one key in order and different keys at once, up to the bound', async () => {
    await using app = testApp()
    const byKey = new Map<string, number[]>()
    const running = new Set<string>()
    let most = 0
    app.add(
      subscriber('g', {
        from: numbers,
        concurrency: 4,
        on: async ({ key, n }) => {
          expect(running.has(key)).toBe(false)
          running.add(key)
          most = Math.max(most, running.size)
          for (let turns = n % 3; turns > 0; turns--) await turn()
          running.delete(key)
          byKey.set(key, [...(byKey.get(key) ?? []), n])
        },
      }),
    )
    await app.start()
    await app.publishAll(
      numbers,
      range(300).map((n) => ({ key: `${n % 10}`, n })),
    )
    await app.settled()
    expect(most).toBe(4)
    for (const [key, list] of byKey) expect(list).toEqual(range(300).filter((n) => n % 10 === Number(key)))
    expect(byKey.size).toBe(10)
  })

  it('get only the types that they have handlers for, from several topics', async () => {
    await using app = testApp()
    const seen: string[] = []
    app.add(
      subscriber('types', { from: orderEvents, on: { ORDER_PAID: ({ paymentId }) => void seen.push(paymentId) } }),
      subscriber('both', {
        from: [orderEvents, doubled],
        on: (event) => void seen.push('n' in event ? 'n' : event.type),
      }),
    )
    await app.start()
    await app.publish(orderEvents, { type: 'ORDER_CANCELLED', orderId: '1', reason: '' })
    await app.publish(orderEvents, paid('1', 'p1'))
    await app.publish(doubled, { n: 1 })
    await app.settled()
    expect(seen.toSorted()).toEqual(['ORDER_CANCELLED', 'ORDER_PAID', 'n', 'p1'])
  })

  it('publish with the acknowledgement: what a failed attempt declared is never seen', async () => {
    await using app = testApp()
    const seen: number[] = []
    app.add(
      subscriber('doubler', {
        from: numbers,
        on: ({ n }, { publish, attempt }) => {
          publish(doubled, { n: n * 10 + attempt })
          if (attempt < 3) throw new Error('not yet')
        },
      }),
      subscriber('audit', { from: doubled, on: ({ n }) => void seen.push(n) }),
    )
    await app.start()
    await app.publish(numbers, { key: 'a', n: 1 })
    await app.advance('10s')
    await app.settled()
    expect(seen).toEqual([13])
  })

  it('wait for the next attempt on the app clock, in their place, while other keys go on', async () => {
    await using app = testApp()
    const calls: string[] = []
    app.add(
      subscriber('g', {
        from: numbers,
        retry: { attempts: 3, delay: '5s', maxDelay: '5s' },
        on: ({ key, n }, { attempt, now }) => {
          calls.push(`${key}${n}#${attempt}`)
          if (key === 'bad' && attempt < 3) throw new Error(`at ${now().toISOString()}`)
        },
      }),
    )
    await app.start()
    await app.publishAll(numbers, [
      { key: 'bad', n: 1 },
      { key: 'bad', n: 2 },
      { key: 'good', n: 3 },
    ])
    await app.advance('2s')
    expect(calls).toEqual(expect.arrayContaining(['bad1#1', 'good3#1']))
    expect(calls).toHaveLength(2)
    await expect(app.settled({ timeout: 20 })).rejects.toThrow(/waits for its next attempt, due at 2026-01-01T00:00:/)
    await app.advance('3s')
    expect(calls.slice(2)).toEqual(['bad1#2'])
    await app.advance('30s')
    await app.settled()
    expect(calls.slice(2)).toEqual(['bad1#2', 'bad1#3', 'bad2#1', 'bad2#2', 'bad2#3'])
  })

  it('that stop when attempts are spent name the place, and others go on', async () => {
    await using app = testApp()
    const seen: number[] = []
    app.add(
      subscriber('dying', {
        from: numbers,
        retry: { attempts: 2 },
        whenSpent: 'stop',
        on: () => {
          throw new Error('no stock')
        },
      }),
      subscriber('living', { from: numbers, on: ({ n }) => void seen.push(n) }),
    )
    await app.start()
    await app.publish(numbers, { key: 'a', n: 1 })
    await app.advance('5s')
    expect(app.health().status).toBe('down')
    expect(app.health().reasons.join()).toMatch(/'dying' died: .*2 times.*numbers\/\d at offset 0.*no stock/)
    const error = await app.settled().catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(ComponentFailedError)
    expect((error as ComponentFailedError).cause).toBeInstanceOf(AttemptsSpentError)
    await app.publish(numbers, { key: 'a', n: 2 })
    await app.advance('1s')
    expect(seen).toEqual([1, 2])
  })

  it('are given what they know of the record', async () => {
    await using app = testApp()
    const contexts: (Pick<HandlerContext, 'id' | 'topic' | 'partition' | 'offset' | 'timestamp' | 'key'> & {
      headers: object
    })[] = []
    const traces: unknown[] = []
    app.add(
      subscriber('g', {
        from: numbers,
        on: (_, { id, topic: name, partition, offset, timestamp, key, headers, publish }) => {
          contexts.push({ id, topic: name, partition, offset, timestamp, key, headers: Object.fromEntries(headers) })
          publish(doubled, { n: 1 }, { headers: { more: 'yes' } })
        },
      }),
      subscriber('next', {
        from: doubled,
        on: (_, { headers }) => void traces.push([headers.get('traceparent'), headers.get('more')]),
      }),
    )
    await app.start()
    const { id, position } = await app.publish(
      numbers,
      { key: 'a', n: 1 },
      { headers: { traceparent: '00-1-2-01', source: 'web' } },
    )
    await app.settled()
    const [context] = contexts
    expect(context).toEqual({
      id,
      topic: 'numbers',
      partition: expect.any(Number),
      offset: 0,
      timestamp: new Date('2026-01-01T00:00:00.000Z'),
      key: 'a',
      headers: { 'millrace-id': id, traceparent: '00-1-2-01', source: 'web' },
    })
    expect(`${position}`).toContain(`:numbers/${context?.partition}@0`)
    expect(traces).toEqual([['00-1-2-01', 'yes']])
  })

  it('get the same new ids in every attempt', async () => {
    await using app = testApp()
    const ids: string[][] = []
    app.add(
      subscriber('g', {
        from: numbers,
        on: (_, { newId, attempt }) => {
          ids.push([newId(), newId()])
          if (attempt === 1) throw new Error('again')
        },
      }),
    )
    await app.start()
    await app.publish(numbers, { key: 'a', n: 1 })
    await app.advance('5s')
    await app.settled()
    expect(ids).toHaveLength(2)
    expect(ids[0]).toEqual(ids[1])
    expect(new Set(ids.flat()).size).toBe(2)
  })

  it('skip tombstones, or get their keys', async () => {
    await using app = testApp()
    const seen: unknown[] = []
    app.add(
      subscriber('skips', { from: numbers, on: ({ n }) => void seen.push(n) }),
      subscriber('gets', { from: numbers, on: {} as never, onTombstone: (key) => void seen.push(`gone ${key}`) }),
    )
    await app.start()
    await app.tombstone(numbers, 'a')
    await app.publish(numbers, { key: 'a', n: 1 })
    await app.settled()
    expect(seen.toSorted()).toEqual([1, 'gone a'])
  })
})

describe('an attempt', () => {
  it('that takes too long has failed: its signal aborts and what it still does is dropped', async () => {
    await using app = testApp()
    const seen: number[] = []
    const late = Promise.withResolvers<unknown>()
    const gate = new Gate()
    app.add(
      subscriber('slow', {
        from: numbers,
        timeout: '1m',
        retry: { delay: '1s' },
        on: async ({ n }, { attempt, signal, publish }) => {
          publish(doubled, { n: n * 10 + attempt })
          if (attempt > 1) return
          await gate.pass()
          expect(signal.reason).toMatchObject({ code: 'ATTEMPT_TIMEOUT' })
          try {
            publish(doubled, { n: 999 })
          } catch (error) {
            late.resolve(error)
          }
        },
      }),
      subscriber('audit', { from: doubled, on: ({ n }) => void seen.push(n) }),
    )
    await app.start()
    await app.publish(numbers, { key: 'a', n: 1 })
    await gate.reached
    await app.advance('62s')
    gate.open()
    expect(await late.promise).toMatchObject({ code: 'ATTEMPT_TIMEOUT' })
    await app.settled()
    expect(seen).toEqual([12])
  })

  it('that has ended publishes no more', async () => {
    await using app = testApp()
    const late = Promise.withResolvers<unknown>()
    app.add(
      subscriber('g', {
        from: numbers,
        on: (_, { publish }) => {
          setImmediate(() => {
            try {
              publish(doubled, { n: 1 })
              late.resolve('published')
            } catch (error) {
              late.resolve(error)
            }
          })
        },
      }),
    )
    await app.start()
    await app.publish(numbers, { key: 'a', n: 1 })
    expect(await late.promise).toMatchObject({ code: 'HANDLER_ENDED' })
  })

  it('whose outputs do not fit fails at the call', async () => {
    await using app = testApp()
    const errors: unknown[] = []
    app.add(
      subscriber('g', {
        from: numbers,
        on: (_, { publish }) => {
          const wrong: unknown = { n: 'x' }
          try {
            publish(doubled, wrong as { n: number })
          } catch (error) {
            errors.push(error)
          }
        },
      }),
    )
    await app.start()
    await app.publish(numbers, { key: 'a', n: 1 })
    await app.settled()
    expect(errors).toMatchObject([{ code: 'INVALID_EVENT' }])
  })
})

describe('a record that cannot be read', () => {
  it.each([
    ['does not fit', { key: 'a', n: 'x' }, 'n: '],
    ['is not of this shape at all', 5, 'expected object'],
  ])('because it %s stops a component that is to stop, and names the place', async (_, value, fault) => {
    await using writer = testApp()
    const seen: number[] = []
    writer.add(subscriber('g', { from: numbers, whenSpent: 'stop', on: ({ n }) => void seen.push(n) }))
    await writer.start()
    await writer.publish(numbers, { key: 'a', n: 1 })
    await writer.publish(numbers, writtenAs({ key: 'a', n: 2 }, value))
    const error = await writer.settled().catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(ComponentFailedError)
    const { cause } = error as ComponentFailedError
    expect(cause).toBeInstanceOf(UnreadableRecordError)
    expect((cause as UnreadableRecordError).place).toMatchObject({ topic: 'numbers', offset: 2 })
    expect((cause as Error).message).toContain(fault)
    expect(seen).toEqual([1])
  })

  it.each([
    ['does not fit', { key: 'a', n: 'x' }, 'n: '],
    ['is not of this shape at all', 5, 'expected object'],
  ])('because it %s is a dead letter at once, and what is behind it goes on', async (_, value, fault) => {
    await using app = testApp()
    const seen: number[] = []
    app.add(subscriber('g', { from: numbers, on: ({ n }) => void seen.push(n) }))
    await app.start()
    await app.publish(numbers, writtenAs({ key: 'a', n: 2 }, value))
    await app.publish(numbers, { key: 'a', n: 1 })
    await app.settled()
    expect(seen).toEqual([1])
    const letters = await app.deadLetters.list()
    expect(letters).toMatchObject([
      { name: 'UnreadableRecordError', message: expect.stringContaining(fault), attempts: 1 },
    ])
    expect(letters[0]!.value).toBe(JSON.stringify(value))
  })
})

describe('a handle', () => {
  it('pauses, tells the lag and the reason, and resumes', async () => {
    await using app = testApp()
    const seen: number[] = []
    const handle = app.add(subscriber('g', { from: numbers, on: ({ n }) => void seen.push(n) }))
    await app.start()
    await handle.pause('maintenance')
    await app.publishAll(
      numbers,
      range(10).map((n) => ({ key: 'a', n })),
    )
    await expect(app.settled({ timeout: 20 })).rejects.toThrow(/paused: maintenance/)
    expect(seen).toEqual([])
    // One commit, and the offset that the log leaves out after it.
    expect(await handle.lag()).toBe(11)
    await handle.resume()
    await app.settled()
    expect(seen).toEqual(range(10))
    expect(await handle.lag()).toBe(0)
  })

  it('lets what runs end when it pauses', async () => {
    await using app = testApp()
    const gate = new Gate()
    const seen: number[] = []
    const handle = app.add(
      subscriber('g', {
        from: numbers,
        on: async ({ n }) => {
          if (n === 0) await gate.pass()
          seen.push(n)
        },
      }),
    )
    await app.start()
    await app.publishAll(
      numbers,
      range(3).map((n) => ({ key: 'a', n })),
    )
    await gate.reached
    await handle.pause('now')
    gate.open()
    await turn()
    await turn()
    expect(seen).toEqual([0])
    await handle.resume()
    await app.settled()
    expect(seen).toEqual([0, 1, 2])
  })
})

describe('a new group', () => {
  it.each([
    ['the earliest record', 'earliest', [1, 2, 3]],
    ['the latest', 'latest', [3]],
    ['a time', new Date('2026-01-01T00:00:30Z'), [2, 3]],
  ] as const)('begins at %s', async (_, start, wanted) => {
    await using app = testApp()
    const seen: number[] = []
    app.add(subscriber('g', { from: numbers, start, on: ({ n }) => void seen.push(n) }))
    await app.publish(numbers, { key: 'a', n: 1 })
    await app.advance('1m')
    await app.publish(numbers, { key: 'a', n: 2 })
    await app.start()
    await app.publish(numbers, { key: 'a', n: 3 })
    await app.settled()
    expect(seen).toEqual(wanted)
  })

  it.each([
    ['the latest record', 'latest' as const],
    ['a time that no record has reached', new Date('2100-01-01')],
  ])('at %s keeps its place over a restart, though nothing came', async (_, start) => {
    const folder = freshFolder()
    const seen: number[] = []
    const latest = () => subscriber('g', { from: numbers, start, on: ({ n }) => void seen.push(n) })
    {
      await using app = fileApp(folder)
      app.add(latest())
      await app.publish(numbers, { key: 'a', n: 1 })
      await app.start()
      await app.settled()
    }
    {
      await using writer = fileApp(folder)
      await writer.publish(numbers, { key: 'a', n: 2 })
    }
    await using app = fileApp(folder)
    app.add(latest())
    await app.start()
    await app.settled()
    expect(seen).toEqual([2])
  })
})

describe('over a restart on the file', () => {
  it('a record that cannot be read stops it again, and what is behind it is not taken', async () => {
    const folder = freshFolder()
    const seen: number[] = []
    const reader = () => subscriber('g', { from: numbers, whenSpent: 'stop', on: async ({ n }) => void seen.push(n) })
    const first = fileApp(folder)
    first.add(reader())
    await first.start()
    // In one batch, so that the handler of the first one ends after the second one was found unreadable.
    await first.transaction(({ publish }) => {
      publish(numbers, { key: 'a', n: 1 })
      publish(numbers, writtenAs({ key: 'a', n: 2 }, 'broken'))
      publish(numbers, { key: 'a', n: 3 })
    })
    await expect(first.settled()).rejects.toMatchObject({ cause: { code: 'UNREADABLE_RECORD', place: { offset: 1 } } })
    await first.stop()

    const second = fileApp(folder)
    second.add(reader())
    const died = second.start().then(() => second.settled())
    await expect(died).rejects.toMatchObject({ cause: { code: 'UNREADABLE_RECORD', place: { offset: 1 } } })
    await second.stop()
    expect(seen).toEqual([1])
  })

  it('a record whose attempts were spent is handled again, and nothing before it', async () => {
    const folder = freshFolder()
    const seen: string[] = []
    const failing = (works: boolean) =>
      subscriber('g', {
        from: numbers,
        retry: { attempts: 1 },
        whenSpent: 'stop',
        on: ({ n }) => {
          if (n === 2 && !works) throw new Error('broken')
          seen.push(`${n}${works ? ' again' : ''}`)
        },
      })
    const app = fileApp(folder)
    app.add(failing(false))
    const run = app.run()
    await app.publishAll(
      numbers,
      [1, 2, 3].map((n) => ({ key: 'a', n })),
    )
    await expect(run).rejects.toBeInstanceOf(ComponentFailedError)
    expect(seen).toEqual(['1'])

    await using mended = fileApp(folder)
    mended.add(failing(true))
    await mended.start()
    await mended.settled()
    expect(seen).toEqual(['1', '2 again', '3 again'])
  })

  it('only what was not finished runs again: what finished ahead of a slow record travels with the commit', async () => {
    const folder = freshFolder()
    const seen: number[] = []
    const schema = z.object({ key: z.string(), n: z.number() })
    const one = topic('numbers', { schema, key: ({ key }) => key, partitions: 1 })
    const gate = new Gate()
    const app = fileApp(folder)
    const handle = app.add(
      subscriber('g', {
        from: one,
        on: async ({ n }) => {
          if (n === 0) await gate.pass()
          seen.push(n)
        },
      }),
    )
    await app.start()
    await app.publishAll(
      one,
      range(20).map((n) => ({ key: `${n}`, n })),
    )
    await gate.reached
    await expect.poll(() => seen.length).toBe(19)
    expect(await handle.lag()).toBe(20)
    // Stopped at once, as a crash would: the slow record's attempt is given up, the commit holds the rest.
    await app.stop({ deadline: 0 })
    const image = crashImage(folder)
    gate.open()

    const again: number[] = []
    await using next = fileApp(image)
    next.add(subscriber('g', { from: one, on: ({ n }) => void again.push(n) }))
    await next.start()
    await next.settled()
    expect(again).toEqual([0])
  })
})

it('ten thousand records wait in the log, not in memory, for a slow handler', async () => {
  let handled = 0
  let mostDecoded = 0
  let decoded = 0
  const plain = json()
  const counting = topic('numbers', {
    schema: z.object({ key: z.string(), n: z.number() }),
    key: ({ key }) => key,
    partitions: 3,
    codec: {
      contentType: plain.contentType,
      encode: (value) => plain.encode(value),
      decode: (value, headers) => {
        decoded++
        mostDecoded = Math.max(mostDecoded, decoded - handled)
        return plain.decode(value, headers)
      },
    },
  })
  await using app = testApp()
  const gate = new Gate()
  app.add(
    subscriber('slow', {
      from: counting,
      on: async () => {
        await gate.pass()
        handled++
      },
    }),
  )
  await app.start()
  await app.publishAll(
    counting,
    range(10_000).map((n) => ({ key: `${n}`, n })),
  )
  await gate.reached
  await turn()
  expect(decoded).toBeLessThanOrEqual(3 * (1_000 + 64))
  gate.open()
  await app.settled()
  expect(handled).toBe(10_000)
  expect(decoded).toBe(10_000)
  expect(mostDecoded).toBeLessThanOrEqual(3 * (1_000 + 64))
})
