import { DatabaseSync } from 'node:sqlite'
import { describe, expect, it } from 'vitest'
import * as z from 'zod'
import { subscriber } from '../pubsub/subscriber.ts'
import { database } from '../sql/index.ts'
import { databaseUrl, fileApp, freshFolder } from '../testing/crash-image.test-support.ts'
import { Gate } from '../testing/gate.test-support.ts'
import { testApp } from '../testing/test-app.ts'
import { orderEvents, paid } from '../topics/order-events.test-support.ts'
import { command } from './command.ts'
import { InvalidInputError } from './errors.ts'

interface Tables {
  payments: { order_id: string; amount: number }
}
const shopOn = (url?: string) =>
  database<Tables>('shop', {
    ...(url !== undefined && { url }),
    migrations: {
      '001-payments': {
        up: (db) =>
          db.schema
            .createTable('payments')
            .addColumn('order_id', 'text', (column) => column.primaryKey())
            .addColumn('amount', 'integer')
            .execute(),
      },
    },
  })
const input = z.object({ orderId: z.string().min(1), amount: z.number().default(7), fails: z.boolean().default(false) })
const payOn = (shop: ReturnType<typeof shopOn>) =>
  command('pay', {
    database: shop,
    input,
    handle: async ({ orderId, amount, fails }, { tx, publish }) => {
      await tx.insertInto('payments').values({ order_id: orderId, amount }).execute()
      publish(orderEvents, paid(orderId))
      if (fails) throw new Error('declined')
      return { orderId }
    },
  })

describe('a command', () => {
  it('commits its row and its message together, and the message is published once', async () => {
    await using app = testApp()
    const seen: string[] = []
    const shop = shopOn()
    const pay = app.add(payOn(shop))
    app.add(subscriber('audit', { from: orderEvents, on: ({ orderId }) => void seen.push(orderId) }))
    await app.start()
    const { result, position } = await pay.execute({ orderId: 'o1' })
    expect(result).toEqual({ orderId: 'o1' })
    expect(`${position}`).toMatch(/^.+:1$/)
    await app.settled()
    expect(seen).toEqual(['o1'])
    expect(await app.get(shop).selectFrom('payments').selectAll().execute()).toEqual([{ order_id: 'o1', amount: 7 }])
  })

  it('that throws leaves neither, and its error comes as it is', async () => {
    await using app = testApp()
    const seen: string[] = []
    const shop = shopOn()
    const pay = app.add(payOn(shop))
    app.add(subscriber('audit', { from: orderEvents, on: ({ orderId }) => void seen.push(orderId) }))
    await app.start()
    await expect(pay.execute({ orderId: 'o1', fails: true })).rejects.toThrow(/^declined$/)
    await pay.execute({ orderId: 'o2' })
    await expect(pay.execute({ orderId: 'o2' })).rejects.toThrow(/UNIQUE/)
    await app.settled()
    expect(seen).toEqual(['o2'])
    expect(await app.get(shop).selectFrom('payments').select('order_id').execute()).toEqual([{ order_id: 'o2' }])
  })

  it('refuses an input that does not fit with every fault, without calling the handler', async () => {
    await using app = testApp()
    const shop = shopOn()
    const pay = app.add(payOn(shop))
    await app.start()
    const wrong: unknown = { orderId: '', amount: 'x' }
    const error = await pay.execute(wrong as { orderId: string }).catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(InvalidInputError)
    expect((error as InvalidInputError).faults.map(({ path }) => path)).toEqual(['orderId', 'amount'])
    expect(await app.get(shop).selectFrom('payments').selectAll().execute()).toEqual([])
  })

  it('refuses to publish what does not fit, and keeps no row', async () => {
    await using app = testApp()
    const shop = shopOn()
    const wrong: unknown = { type: 'ORDER_PAID', orderId: 1 }
    const broken = app.add(
      command('broken', {
        database: shop,
        input: z.object({}),
        handle: async (_, { tx, publish }) => {
          await tx.insertInto('payments').values({ order_id: 'o', amount: 1 }).execute()
          publish(orderEvents, wrong as ReturnType<typeof paid>)
        },
      }),
    )
    await app.start()
    await expect(broken.execute({})).rejects.toMatchObject({ code: 'INVALID_EVENT' })
    expect(await app.get(shop).selectFrom('payments').selectAll().execute()).toEqual([])
  })

  it('takes a signal: aborted before it commits, it leaves nothing', async () => {
    await using app = testApp()
    const shop = shopOn()
    const gate = new Gate()
    const slow = app.add(
      command('slow', {
        database: shop,
        input: z.object({}),
        handle: async (_, { tx }) => {
          await tx.insertInto('payments').values({ order_id: 'o', amount: 1 }).execute()
          await gate.pass()
        },
      }),
    )
    await app.start()
    const abort = new AbortController()
    const execution = slow.execute({}, { signal: abort.signal })
    await gate.reached
    abort.abort(new Error('the caller has gone'))
    gate.open()
    await expect(execution).rejects.toThrow('the caller has gone')
    await expect(slow.execute({}, { signal: abort.signal })).rejects.toThrow('the caller has gone')
    expect(await app.get(shop).selectFrom('payments').selectAll().execute()).toEqual([])
  })

  it('that runs while the app stops is waited for, and its message is published', async () => {
    const folder = freshFolder()
    const gate = new Gate()
    const shop = shopOn(databaseUrl(folder))
    const app = fileApp(folder)
    const slow = app.add(
      command('slow', {
        database: shop,
        input: z.object({}),
        handle: async (_, { tx, publish }) => {
          await gate.pass()
          await tx.insertInto('payments').values({ order_id: 'o1', amount: 1 }).execute()
          publish(orderEvents, paid('o1'))
          return 'done'
        },
      }),
    )
    await app.start()
    const execution = slow.execute({})
    await gate.reached
    const stopped = app.stop()
    gate.open()
    expect((await execution).result).toBe('done')
    await stopped

    const seen: string[] = []
    await using next = fileApp(folder)
    next.add(subscriber('audit', { from: orderEvents, on: ({ orderId }) => void seen.push(orderId) }))
    await next.start()
    await next.settled()
    expect(seen).toEqual(['o1'])
  })

  it('that does not end is rolled back at the deadline of the stop, and none begins after the stop', async () => {
    const app = testApp()
    const gate = new Gate()
    const signals: AbortSignal[] = []
    const endless = command('endless', {
      database: shopOn(),
      input: z.object({}),
      handle: async (_, { tx, signal }) => {
        signals.push(signal)
        await tx.insertInto('payments').values({ order_id: 'o1', amount: 1 }).execute()
        await gate.pass()
      },
    })
    const handle = app.add(endless)
    await app.start()
    const execution = handle.execute({}).catch((error: unknown) => error)
    await gate.reached
    await app.stop({ deadline: 5 })
    expect(await execution).toMatchObject({ code: 'COMMAND_STOPPED', retryable: true })
    expect(signals[0]!.aborted).toBe(true)
    await expect(handle.execute({})).rejects.toMatchObject({ code: 'COMMAND_STOPPED' })
    gate.open()
  })

  it('is a handler: the app publishes nothing inside it, which would not be rolled back with it', async () => {
    await using app = testApp()
    const both = app.add(
      command('both', {
        database: shopOn(),
        input: z.object({}),
        handle: () => app.publish(orderEvents, paid('o1')),
      }),
    )
    await app.start()
    await expect(both.execute({})).rejects.toMatchObject({ code: 'PUBLISH_IN_HANDLER' })
  })

  it('works before the app has started', async () => {
    await using app = testApp()
    const shop = shopOn()
    const pay = app.add(payOn(shop))
    expect((await pay.execute({ orderId: 'early' })).result).toEqual({ orderId: 'early' })
  })

  it('run side by side, each whole', async () => {
    await using app = testApp()
    const seen: string[] = []
    const shop = shopOn()
    const pay = app.add(payOn(shop))
    app.add(subscriber('audit', { from: orderEvents, on: ({ orderId }) => void seen.push(orderId) }))
    await app.start()
    const orders = Array.from({ length: 50 }, (_, n) => `o${n}`)
    const outcomes = await Promise.allSettled(orders.map((orderId, n) => pay.execute({ orderId, fails: n % 5 === 0 })))
    await app.settled()
    const wanted = orders.filter((_, n) => n % 5 !== 0)
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(wanted.length)
    expect(seen.toSorted()).toEqual(wanted.toSorted())
    const numbers = outcomes.flatMap((one) =>
      one.status === 'fulfilled' ? [Number(`${one.value.position}`.split(':').at(-1))] : [],
    )
    expect(new Set(numbers).size).toBe(wanted.length)
  })
})

describe('a command whose signal aborts', () => {
  it('before the database is open does not wait for it, and writes nothing', async () => {
    const folder = freshFolder()
    const shop = shopOn(databaseUrl(folder))
    const first = fileApp(folder)
    first.add(payOn(shop))
    await first.start()
    await first.stop()

    const other = new DatabaseSync(`${folder}/app.db`)
    other.exec('begin immediate')
    await using app = fileApp(folder)
    const pay = app.add(payOn(shop))
    const controller = new AbortController()
    const paying = pay.execute({ orderId: 'o1' }, { signal: controller.signal })
    controller.abort(new Error('gone away'))
    await expect(paying).rejects.toThrow('gone away')
    await expect(pay.execute({ orderId: 'o2' }, { signal: AbortSignal.abort(new Error('never')) })).rejects.toThrow(
      'never',
    )
    other.exec('commit')
    other.close()
    await app.start()
    expect(await app.get(shop).selectFrom('payments').selectAll().execute()).toEqual([])
  })
})

describe('an outbox whose relay died', () => {
  it('makes the app unhealthy with the reason, and run rejects', async () => {
    const folder = freshFolder()
    const outbox = database<{ millrace_outbox: { topic: string; value: string; timestamp_ms: number } }>('shop', {
      url: databaseUrl(folder),
    })
    const before = fileApp(folder)
    // As a database from another place has it: a message for a topic that this log does not have.
    const message = { topic: 'gone', value: '1', timestamp_ms: 1 }
    await before.add(outbox).insertInto('millrace_outbox').values(message).execute()
    await before.stop()

    const app = fileApp(folder)
    app.add(outbox)
    const run = app.run()
    await expect(run).rejects.toMatchObject({
      code: 'COMPONENT_FAILED',
      message: expect.stringMatching(/^'shop' died: There is no topic 'gone' in this log/),
    })
    expect(app.health()).toMatchObject({
      status: 'down',
      reasons: ['the app is stopped', expect.stringMatching(/^'shop' died: There is no topic 'gone'/)],
    })
  })
})
