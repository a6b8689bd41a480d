import { describe, expect, it } from 'vitest'
import * as z from 'zod'
import { ComponentFailedError } from '../app/errors.ts'
import { Gate, turn } from '../testing/gate.test-support.ts'
import { testApp } from '../testing/test-app.ts'
import { tasks } from '../topics/order-events.test-support.ts'
import { queue } from '../topics/topic.ts'
import { worker } from './worker.ts'

const range = (count: number) => Array.from({ length: count }, (_, n) => n)
const sendAll = (app: ReturnType<typeof testApp>, count: number) =>
  app.transaction(({ send }) => {
    for (const y of range(count)) send(tasks, { task: 'b', y })
  })

describe('a worker', () => {
  it('does each task once, many at a time', async () => {
    await using app = testApp()
    const done: number[] = []
    let running = 0
    let most = 0
    app.add(
      worker('w', {
        from: tasks,
        concurrency: 8,
        on: {
          a: () => {},
          b: async ({ y }) => {
            most = Math.max(most, ++running)
            await turn()
            running--
            done.push(y)
          },
        },
      }),
    )
    await app.start()
    await sendAll(app, 100)
    await app.settled()
    expect(done.toSorted((a, b) => a - b)).toEqual(range(100))
    expect(most).toBe(8)
  })

  it('holds each type to its own bound, and the others use the rest', async () => {
    await using app = testApp()
    const gate = new Gate()
    let running = 0
    let most = 0
    const other: string[] = []
    app.add(
      worker('w', {
        from: tasks,
        concurrency: 4,
        on: {
          a: ({ x }) => void other.push(x),
          b: {
            concurrency: 2,
            handle: async () => {
              most = Math.max(most, ++running)
              await gate.pass()
              running--
            },
          },
        },
      }),
    )
    await app.start()
    await sendAll(app, 10)
    await gate.reached
    await app.send(tasks, { task: 'a', x: 'passed by' })
    await expect.poll(() => other).toEqual(['passed by'])
    expect(running).toBe(2)
    gate.open()
    await app.settled()
    expect(most).toBe(2)
  })

  it('does tasks of one key in order', async () => {
    const plain = queue('plain', {
      schema: z.object({ type: z.literal('T'), key: z.string(), n: z.number() }),
      key: ({ key }) => key,
    })
    await using app = testApp()
    const done = new Map<string, number[]>()
    app.add(
      worker('w', {
        from: plain,
        on: {
          T: async ({ key, n }) => {
            if (n % 2 === 0) await turn()
            done.set(key, [...(done.get(key) ?? []), n])
          },
        },
      }),
    )
    await app.start()
    for (const n of range(30)) await app.send(plain, { type: 'T', key: `${n % 3}`, n })
    await app.settled()
    for (const [key, list] of done) expect(list).toEqual(range(30).filter((n) => n % 3 === Number(key)))
  })

  it('gives a type its own time and attempts', async () => {
    await using app = testApp()
    const calls: string[] = []
    app.add(
      worker('w', {
        from: tasks,
        timeout: '1h',
        retry: { attempts: 9 },
        on: {
          a: () => {},
          b: {
            timeout: '10s',
            retry: { attempts: 2, delay: '1s' },
            handle: async (_, { attempt, signal }) => {
              calls.push(`#${attempt}`)
              await new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
            },
          },
        },
      }),
    )
    await app.start()
    await sendAll(app, 1)
    await app.advance('30s')
    expect(calls).toEqual(['#1', '#2'])
    expect(await app.deadLetters.list()).toMatchObject([
      { attempts: 2, offset: 0, message: expect.stringContaining('took longer than 10000 ms') },
    ])
  })

  it.each([
    ['before', 'its first await', 0],
    ['after', 'an await', 1],
  ])('lets a task extend its time %s %s', async (_, _where, turns) => {
    await using app = testApp()
    const gate = new Gate()
    const finished: boolean[] = []
    app.add(
      worker('w', {
        from: tasks,
        timeout: '10s',
        retry: { attempts: 1 },
        on: {
          a: () => {},
          b: async (_task, { extend, signal }) => {
            for (let left = turns; left > 0; left--) await turn()
            extend('5m')
            await gate.pass()
            finished.push(signal.aborted)
          },
        },
      }),
    )
    await app.start()
    await sendAll(app, 1)
    await gate.reached
    await app.advance('4m')
    gate.open()
    await app.settled()
    expect(finished).toEqual([false])
  })

  it('takes the extended time back when it is over', async () => {
    await using app = testApp()
    const gate = new Gate()
    app.add(
      worker('w', {
        from: tasks,
        timeout: '10s',
        retry: { attempts: 1 },
        whenSpent: 'stop',
        on: {
          a: () => {},
          b: async (_task, { extend, signal }) => {
            extend('1m')
            void gate.pass()
            await new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
          },
        },
      }),
    )
    await app.start()
    await sendAll(app, 1)
    await gate.reached
    await app.advance('59s')
    expect(app.health().status).toBe('up')
    await app.advance('2s')
    expect(app.health().status).toBe('down')
  })

  it('that is to stop does so at a task that it has no handler for, naming the place: skipping would lose it', async () => {
    await using app = testApp()
    const wider = queue('tasks', { schema: z.object({ task: z.string() }), discriminator: 'task' as never })
    app.add(worker('w', { from: wider, whenSpent: 'stop', on: { a: () => {} } as never }))
    await app.start()
    await app.send(wider, { task: 'c' })
    const error = await app.settled().catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(ComponentFailedError)
    expect((error as Error).message).toMatch(/tasks\/\d+ at offset 0.*no handler for a task of type 'c'/)
  })

  it('pauses and resumes', async () => {
    await using app = testApp()
    const done: number[] = []
    const handle = app.add(worker('w', { from: tasks, on: { a: () => {}, b: ({ y }) => void done.push(y) } }))
    await app.start()
    await handle.pause('busy')
    await sendAll(app, 5)
    await expect(app.settled({ timeout: 20 })).rejects.toThrow('paused: busy')
    await handle.resume()
    await app.settled()
    expect(done).toHaveLength(5)
  })
})
