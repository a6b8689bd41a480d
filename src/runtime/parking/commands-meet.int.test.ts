import { RejectError, topic } from 'millrace'
import { batchSubscriber } from 'millrace/pubsub'
import { queue, worker } from 'millrace/queue'
import { database } from 'millrace/sql'
import { testApp } from 'millrace/testing'
import { describe, expect, it } from 'vitest'
import * as z from 'zod'
import { openEmbeddedLog } from '../../log/embedded/index.ts'
import { databaseUrl, fileApp, freshFolder } from '../../testing/crash-image.test-support.ts'
import { Gate } from '../../testing/gate.test-support.ts'
import { commandTopic } from './command.ts'

const tasks = queue('tasks', { schema: z.object({ type: z.literal('do'), n: z.int() }), partitions: 1 })
const numbers = topic('numbers', {
  schema: z.object({ key: z.string(), n: z.int() }),
  key: ({ key }) => key,
  partitions: 1,
})
const shop = database('shop')
const wait = '5s'
const of = { queue: 'tasks', wait } as const
const task = (n: number) => ({ type: 'do', n }) as const
class OutageError extends Error {}

/** A worker whose handlers need something that is away at first. */
function mailer(home: 'log' | 'database') {
  const mail = { isAway: true, done: [] as number[] }
  const component = worker('mailer', {
    from: tasks,
    ...(home === 'database' && { database: shop }),
    pauseOn: (error) => error instanceof OutageError,
    on: {
      do: ({ n }) => {
        if (mail.isAway) throw new OutageError('away')
        mail.done.push(n)
      },
    },
  })
  return { mail, component }
}

describe.each(['log', 'database'] as const)('a command, with the %s as home', (home) => {
  it('cancels a task that became due during an outage, and the worker goes on', async () => {
    const { mail, component } = mailer(home)
    await using app = testApp()
    app.add(component)
    await app.start()
    await app.send(tasks, task(1), { id: 'late', delay: '100ms' })
    await app.send(tasks, task(2))
    await app.advance('200ms')
    expect(await app.delayed.cancel('late', of)).toBe('cancelled')
    mail.isAway = false
    await app.advance('1m')
    await app.settled()
    expect(mail.done).toEqual([2])
  })

  it.each(['1h', 0] as const)(
    'does not cancel a task of delay %s that was tried and waits for an outage to end',
    async (delay) => {
      const { mail, component } = mailer(home)
      await using app = testApp()
      app.add(component)
      await app.start()
      await app.send(tasks, task(1), { id: 'tried', delay })
      await app.advance('2h')
      expect((await app.status()).components[0]!.state).toBe('waiting')
      expect(await app.delayed.cancel('tried', of)).toBe('not-found')
      mail.isAway = false
      await app.advance('1m')
      await app.settled()
      expect(mail.done).toEqual([1])
    },
  )

  it('is carried out when those before it were deleted unread', async () => {
    const folder = freshFolder()
    let isBad = true
    const done: number[] = []
    const make = () => {
      const app = fileApp(folder)
      app.add(
        worker('mailer', {
          from: tasks,
          ...(home === 'database' && { database: database('shop', { url: databaseUrl(folder) }) }),
          on: {
            do: ({ n }) => {
              if (isBad) throw new RejectError('bad')
              done.push(n)
            },
          },
        }),
      )
      return app
    }
    const first = make()
    await first.start()
    for (const n of [1, 2]) await first.send(tasks, task(n))
    await first.settled()
    await first.stop()

    const operator = fileApp(folder)
    await operator.deadLetters.redrive({ limit: 1 })
    await operator.stop()
    const log = await openEmbeddedLog({ path: `${folder}/log.db` })
    await log.deleteRecords([{ topic: commandTopic('mailer'), partition: 0, before: 1 }])
    await log.close()

    isBad = false
    await using second = make()
    await second.start()
    await second.settled()
    expect(await second.deadLetters.redrive({}, { wait })).toMatchObject([
      { outcome: 'redriven' },
      { outcome: 'redriven' },
    ])
    await second.settled()
    expect(done.sort()).toEqual([1, 2])
  })

  it('redrives two of a key whose batch is taken apart meanwhile, and the key goes on', async () => {
    const done: number[] = []
    const inBatch = new Gate()
    const afterBatch = new Gate()
    let isBad = true
    await using app = testApp()
    app.add(
      batchSubscriber('batches', {
        from: numbers,
        ...(home === 'database' && { database: shop }),
        batch: { size: 10 },
        retry: { attempts: 1 },
        on: async (items) => {
          const [first] = items
          if (isBad) throw new RejectError('bad')
          if (items.length > 1) {
            await inBatch.pass()
            throw new Error('all of it')
          }
          if (first!.event.n === 10) await afterBatch.pass()
          done.push(first!.event.n)
        },
      }),
    )
    await app.start()
    for (const n of [1, 2]) {
      await app.publish(numbers, { key: 'a', n })
      await app.settled()
    }
    const [one, other] = await app.deadLetters.list()
    isBad = false
    const events = [
      { key: 'b', n: 10 },
      { key: 'a', n: 11 },
    ]
    await Promise.all(events.map((event) => app.publish(numbers, event)))
    await inBatch.reached
    await app.deadLetters.redrive({ id: one!.id }, { wait })
    inBatch.open()
    await afterBatch.reached
    await app.deadLetters.redrive({ id: other!.id }, { wait })
    afterBatch.open()
    await app.settled()
    expect(done).toEqual([10, 1, 2, 11])
  })
})
