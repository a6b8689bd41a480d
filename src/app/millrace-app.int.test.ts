import { describe, expect, it } from 'vitest'
import * as z from 'zod'
import { silentLogger } from '../core/logger.ts'
import { subscriber } from '../pubsub/subscriber.ts'
import { worker } from '../queue/worker.ts'
import type { AttachableComponent } from '../runtime/attachment.ts'
import { database } from '../sql/index.ts'
import { databaseUrl, fileApp, freshFolder } from '../testing/crash-image.test-support.ts'
import { Gate } from '../testing/gate.test-support.ts'
import { testApp } from '../testing/test-app.ts'
import { created, orderEvents, paid, tasks } from '../topics/order-events.test-support.ts'
import { queue, topic } from '../topics/topic.ts'
import { millrace } from './millrace.ts'

const numbers = topic('numbers', { schema: z.object({ n: z.number() }) })
const others = topic('others', { schema: z.object({ n: z.number() }), key: ({ n }) => `${n % 2}` })
const nothing = () => {}
const collect = (group: string, from: typeof numbers | typeof others = numbers) => {
  const seen: number[] = []
  return { seen, component: subscriber(group, { from, on: ({ n }) => void seen.push(n) }) }
}

describe('adding components', () => {
  it('refuses two of one name, whatever their kinds, and the same one twice', async () => {
    await using app = testApp()
    const first = subscriber('g', { from: orderEvents, on: nothing })
    app.add(first)
    expect(() => app.add(first)).toThrow(expect.objectContaining({ code: 'DUPLICATE_COMPONENT' }))
    const namesake = worker('g', { from: tasks, on: { a: nothing, b: nothing } })
    expect(() => app.add(namesake)).toThrow(/subscriber 'g' already; the worker needs another name/)
    expect(() => app.add(database('g'))).not.toThrow()
  })

  it('refuses what is no component, and definitions that clash', async () => {
    await using app = testApp()
    const wrong: unknown = orderEvents
    expect(() => app.add(wrong as typeof app extends never ? never : ReturnType<typeof database>)).toThrow(
      expect.objectContaining({ code: 'NOT_A_COMPONENT' }),
    )
    const schema = z.object({ type: z.literal('T') })
    const two = topic('t', { schema, partitions: 2 })
    app.add(subscriber('one', { from: two, on: nothing }))
    const three = topic('t', { schema, partitions: 3 })
    for (let again = 0; again < 2; again++) {
      expect(() => app.add(subscriber('two', { from: three, on: nothing }))).toThrow(/with 2 and with 3 partitions/)
    }
    const asQueue = queue('t', { schema })
    expect(() => app.add(worker('w', { from: asQueue, on: { T: nothing } }))).toThrow(/as a topic and as a queue/)
  })

  it('refuses a second worker on a queue: each would do every task', async () => {
    await using app = testApp()
    app.add(worker('one', { from: tasks, on: { a: nothing, b: nothing } }))
    const second = worker('two', { from: tasks, on: { a: nothing, b: nothing } })
    expect(() => app.add(second)).toThrow(expect.objectContaining({ code: 'QUEUE_TAKEN' }))
  })

  it('adds none where one of them is refused', async () => {
    await using app = testApp()
    const [first, second] = [collect('g').component, collect('g').component]
    expect(() => app.add(first, second)).toThrow(expect.objectContaining({ code: 'DUPLICATE_COMPONENT' }))
    expect(() => app.get(first)).toThrow(expect.objectContaining({ code: 'NOT_IN_APP' }))
    expect(() => app.add(first)).not.toThrow()
  })

  it('is possible before the start alone, and get knows only what was added', async () => {
    await using app = testApp()
    const component = subscriber('g', { from: orderEvents, on: nothing })
    const handle = app.add(component)
    expect(app.get(component)).toBe(handle)
    const late = subscriber('late', { from: orderEvents, on: nothing })
    expect(() => app.get(late)).toThrow(expect.objectContaining({ code: 'NOT_IN_APP' }))
    await app.start()
    for (const call of [() => app.add(late), () => app.use(async (_, next) => next())])
      expect(call).toThrow(expect.objectContaining({ code: 'APP_STATE' }))
  })
})

describe('publishing', () => {
  it('writes nothing of what does not fit, and names every fault', async () => {
    await using app = testApp()
    const { seen, component } = collect('g')
    app.add(component)
    await app.start()
    const wrong: unknown = { n: 'x' }
    await expect(app.publish(numbers, wrong as { n: number })).rejects.toThrow(/'numbers': n: .*Nothing was written/)
    await expect(app.publish(numbers, { n: 1 }, { id: ' ' })).rejects.toMatchObject({ code: 'INVALID_PUBLISH_OPTIONS' })
    await app.publish(numbers, { n: 2 })
    await app.settled()
    expect(seen).toEqual([2])
  })

  it('takes many, from a list or from a stream, in order for each key', async () => {
    await using app = testApp()
    const { seen, component } = collect('g', others)
    app.add(component)
    await app.start()
    const range = Array.from({ length: 5_000 }, (_, n) => n)
    const { count, position } = await app.publishAll(
      others,
      range.map((n) => ({ n })),
    )
    expect(count).toBe(5_000)
    expect(`${position}`).toMatch(/:others\/\d@\d+$/)
    await app.publishAll(
      others,
      (async function* () {
        for (let n = 5_000; n < 5_010; n++) yield { n }
      })(),
    )
    expect((await app.publishAll(others, [])).count).toBe(0)
    await app.settled()
    for (const parity of [0, 1]) {
      const wanted = Array.from({ length: 5_010 }, (_, n) => n).filter((n) => n % 2 === parity)
      expect(seen.filter((n) => n % 2 === parity)).toEqual(wanted)
    }
  })

  it('of many rejects with the fault, or with what the stream throws, when it comes', async () => {
    await using app = testApp()
    const broken = async function* () {
      yield { n: 1 }
      throw new Error('the file ends')
    }
    await expect(app.publishAll(numbers, broken())).rejects.toThrow('the file ends')
    const wrong: unknown = 'x'
    await expect(app.publishAll(numbers, [{ n: 1 }, wrong as { n: number }])).rejects.toMatchObject({
      code: 'INVALID_EVENT',
    })
  })

  it('in a transaction is all or nothing, over topics and queues', async () => {
    await using app = testApp()
    const seen: string[] = []
    app.add(
      subscriber('orders', {
        from: orderEvents,
        on: ({ type }) => void seen.push(type),
        onTombstone: (key) => void seen.push(key),
      }),
      worker('w', { from: tasks, on: { a: ({ x }) => void seen.push(x), b: nothing } }),
    )
    await app.start()
    let late: (() => void) | undefined
    const work = (fails: boolean) =>
      app.transaction(async ({ publish, send, tombstone }) => {
        publish(orderEvents, paid('1'))
        send(tasks, { task: 'a', x: 'task' })
        tombstone(orderEvents, 'gone')
        late = () => publish(orderEvents, created('2'))
        if (fails) throw new Error('changed my mind')
        return 5
      })
    await expect(work(true)).rejects.toThrow('changed my mind')
    await app.settled()
    expect(seen).toEqual([])
    expect(await work(false)).toBe(5)
    await app.settled()
    expect(seen.toSorted()).toEqual(['ORDER_PAID', 'gone', 'task'])
    expect(late).toThrow(expect.objectContaining({ code: 'HANDLER_ENDED' }))
  })

  it('refuses a tombstone for a topic without a key', async () => {
    await using app = testApp()
    await expect(app.tombstone(numbers as never, 'k')).rejects.toMatchObject({ code: 'NO_KEY' })
  })

  it('through the app is refused inside a handler, and allowed to another app', async () => {
    await using other = testApp()
    await using app = testApp()
    const codes: unknown[] = []
    const codeOf = (call: Promise<unknown>) =>
      call.then(
        () => 'ok',
        (error) => error.code,
      )
    app.add(
      subscriber('g', {
        from: numbers,
        on: async () => {
          const calls = [
            app.publish(others, { n: 1 }),
            app.publishAll(others, []),
            app.send(tasks, { task: 'b', y: 1 }),
            app.tombstone(others, 'k'),
            app.transaction(nothing),
            other.publish(others, { n: 1 }),
          ]
          codes.push(...(await Promise.all(calls.map(codeOf))))
        },
      }),
    )
    await app.start()
    await app.publish(numbers, { n: 1 })
    await app.settled()
    expect(codes).toEqual([...Array(5).fill('PUBLISH_IN_HANDLER'), 'ok'])
    await app.publish(others, { n: 2 })
  })

  it('works before the start and not after the stop', async () => {
    const app = testApp()
    const { seen, component } = collect('g')
    app.add(component)
    await app.publish(numbers, { n: 1 })
    await app.start()
    await app.settled()
    await app.stop()
    expect(seen).toEqual([1])
    await expect(app.publish(numbers, { n: 2 })).rejects.toMatchObject({ code: 'APP_STATE' })
    await expect(app.start()).rejects.toMatchObject({ code: 'APP_STATE' })
    expect(app.health()).toEqual({ status: 'down', reasons: ['the app is stopped'] })
  })
})

describe('middleware', () => {
  it('stands around every handler, the first one outermost', async () => {
    await using app = testApp()
    const calls: string[] = []
    for (const name of ['outer', 'inner']) {
      app.use(async ({ topic: of }, next) => {
        calls.push(`${name} ${of}`)
        await next()
        calls.push(`${name} end`)
      })
    }
    app.add(subscriber('g', { from: numbers, on: () => void calls.push('handler') }))
    await app.start()
    await app.publish(numbers, { n: 1 })
    await app.settled()
    expect(calls).toEqual(['outer numbers', 'inner numbers', 'handler', 'inner end', 'outer end'])
  })

  it('that throws fails the attempt, and next is called once', async () => {
    await using app = testApp()
    const { seen, component } = collect('g')
    const thrown: unknown[] = []
    app.use(async ({ attempt }, next) => {
      if (attempt === 1) throw new Error('not now')
      await next()
      try {
        await next()
      } catch (error) {
        thrown.push(error)
      }
    })
    app.add(component)
    await app.start()
    await app.publish(numbers, { n: 1 })
    await app.advance('10s')
    await app.settled()
    expect(seen).toEqual([1])
    expect(thrown).toMatchObject([{ code: 'NEXT_CALLED_TWICE' }])
  })
})

describe('the life of an app', () => {
  it('run rejects when a component dies, after the others have stopped', async () => {
    const folder = freshFolder()
    const app = fileApp(folder)
    const { seen, component } = collect('living')
    app.add(
      component,
      subscriber('dying', {
        from: numbers,
        retry: { attempts: 1 },
        whenSpent: 'stop',
        on: () => {
          throw new Error('no more')
        },
      }),
    )
    const run = app.run()
    await app.publish(numbers, { n: 1 })
    await expect(run).rejects.toMatchObject({ code: 'COMPONENT_FAILED', message: expect.stringContaining('no more') })
    expect(app.health().reasons).toEqual(['the app is stopped', expect.stringContaining("'dying' died")])
    expect(seen).toEqual([1])
  })

  it('run resolves when the app is stopped, and at a signal', async () => {
    const stopped = testApp()
    const run = stopped.run()
    await stopped.start()
    await stopped.stop()
    await run

    const before = process.listeners('SIGTERM')
    const signalled = testApp()
    const second = signalled.run()
    await signalled.start()
    for (const listener of process.listeners('SIGTERM')) if (!before.includes(listener)) listener('SIGTERM')
    await second
    expect(signalled.health().reasons).toEqual(['the app is stopped'])
    expect(process.listeners('SIGTERM')).toEqual(before)
  })

  it('stop waits for what runs, and takes no more', async () => {
    const app = testApp()
    const gate = new Gate()
    const done: number[] = []
    app.add(
      subscriber('g', {
        from: numbers,
        concurrency: 1,
        on: async ({ n }) => {
          await gate.pass()
          done.push(n)
        },
      }),
    )
    await app.start()
    await app.publishAll(numbers, [{ n: 1 }, { n: 2 }])
    await gate.reached
    const stops = [app.stop(), app.stop()]
    expect(app.health().reasons).toEqual(['the app is stopping'])
    gate.open()
    await Promise.all(stops)
    expect(done).toEqual([1])
  })

  it('stop aborts at its deadline what does not end, and its record comes again', async () => {
    const folder = freshFolder()
    const app = fileApp(folder)
    const gate = new Gate()
    const reasons: unknown[] = []
    app.add(
      subscriber('g', {
        from: numbers,
        on: async (_, { signal }) => {
          signal.addEventListener('abort', () => reasons.push(signal.reason))
          await gate.pass()
        },
      }),
    )
    await app.start()
    await app.publish(numbers, { n: 1 })
    await gate.reached
    await app.stop({ deadline: '5ms' })
    expect(reasons).toMatchObject([{ code: 'STOPPING' }])

    await using next = fileApp(folder)
    const { seen, component } = collect('g')
    next.add(component)
    await next.start()
    await next.settled()
    expect(seen).toEqual([1])
    gate.open()
  })

  it('a file may be of several apps at once', async () => {
    const folder = freshFolder()
    await using first = fileApp(folder)
    await first.start()
    {
      await using second = fileApp(folder)
      await second.start()
      expect(second.health()).toEqual({ status: 'up', reasons: [] })
    }
    expect(first.health()).toEqual({ status: 'up', reasons: [] })
  })

  it('a start that fails leaves nothing open', async () => {
    const folder = freshFolder()
    const broken = database('broken', {
      url: databaseUrl(folder),
      migrations: {
        '001': {
          up: async () => {
            throw new Error('no such column')
          },
        },
      },
    })
    const app = fileApp(folder)
    app.add(broken)
    app.add(collect('g').component)
    await expect(app.start()).rejects.toThrow('no such column')
    await using next = fileApp(folder)
    await next.start()
  })

  it('a stop during the start leaves nothing open', async () => {
    const folder = freshFolder()
    const app = fileApp(folder)
    const home = database('shop', { url: databaseUrl(folder) })
    app.add(subscriber('g', { from: numbers, database: home, on: nothing }), collect('other').component)
    const started = app.start().then(
      () => 'started',
      () => 'refused',
    )
    await app.stop()
    expect(await started).toBe('refused')
    await using next = fileApp(folder)
    await next.start()
  })

  it('a stop goes on where a part of it fails: the file is free', async () => {
    const folder = freshFolder()
    const app = fileApp(folder)
    const stuck: AttachableComponent<void> = {
      kind: 'other',
      name: 'stuck',
      describe: () => '',
      '~attach': () => ({
        handle: undefined,
        definitions: [],
        guarantees: [],
        start: async () => {},
        stop: async () => {
          throw new Error('stuck')
        },
        close: async () => {
          throw new Error('stuck again')
        },
        unsettled: async () => [],
      }),
    }
    app.add(stuck)
    await app.start()
    await expect(app.stop()).rejects.toThrow(/^stuck$/)
    await using next = fileApp(folder)
    await next.start()
  })

  it('all clashes with the topics of the log are reported together', async () => {
    const folder = freshFolder()
    const first = fileApp(folder)
    await first.transaction(({ publish }) => {
      publish(numbers, { n: 1 })
      publish(others, { n: 1 })
    })
    await first.stop()
    await using app = fileApp(folder)
    app.add(
      subscriber('one', { from: topic('numbers', { schema: z.unknown(), partitions: 2 }), on: nothing }),
      subscriber('two', { from: topic('others', { schema: z.unknown(), partitions: 3 }), on: nothing }),
    )
    await expect(app.start()).rejects.toThrow(/'numbers' has 6 partitions.*'others' has 6 partitions/)
  })
})

describe('settled', () => {
  it('says after its time what is not settled', async () => {
    await using app = testApp()
    const gate = new Gate()
    app.add(subscriber('slow', { from: numbers, on: () => gate.pass() }))
    await expect(app.settled()).rejects.toMatchObject({ code: 'APP_STATE' })
    await app.start()
    await app.publish(numbers, { n: 1 })
    await gate.reached
    await expect(app.settled({ timeout: '20ms' })).rejects.toMatchObject({
      code: 'SETTLED_TIMEOUT',
      retryable: true,
      message: expect.stringMatching(/^Not settled after 20 ms: 'slow': numbers\/\d is at 0, its end is 2/),
    })
    gate.open()
    await app.settled()
  })

  it('is not what a stop leaves: whoever waits is told', async () => {
    const app = testApp()
    const gate = new Gate()
    app.add(subscriber('slow', { from: numbers, on: () => gate.pass() }))
    await app.start()
    await app.publish(numbers, { n: 1 })
    await gate.reached
    const settled = app.settled().catch((error: unknown) => error)
    await app.stop({ deadline: 5 })
    expect(await settled).toMatchObject({ code: 'APP_STATE' })
    gate.open()
  })

  it('follows a chain of groups to its end', async () => {
    await using app = testApp()
    const seen: number[] = []
    const steps = Array.from({ length: 5 }, (_, step) => topic(`step-${step}`, { schema: z.object({ n: z.number() }) }))
    steps.forEach((from, step) => {
      const to = steps[step + 1]
      app.add(
        subscriber(`group-${step}`, {
          from,
          on: ({ n }, { publish }) => (to === undefined ? void seen.push(n) : publish(to, { n: n + 1 })),
        }),
      )
    })
    await app.start()
    await app.publish(steps[0]!, { n: 0 })
    await app.settled()
    expect(seen).toEqual([4])
  })
})

it('two apps in a process may each have a log in memory', async () => {
  await using one = millrace('one', { url: 'memory:', logger: silentLogger })
  await using two = millrace('two', { url: 'memory:', logger: silentLogger })
  await one.publish(numbers, { n: 1 })
  await two.publish(numbers, { n: 1 })
})
