import { RejectError, RetryAfterError } from 'millrace'
import { queue, worker } from 'millrace/queue'
import { database } from 'millrace/sql'
import { testApp } from 'millrace/testing'
import { describe, expect, it } from 'vitest'
import * as z from 'zod'
import { readSettings } from '../app/millrace.ts'
import { MillraceApp } from '../app/millrace-app.ts'
import { silentLogger } from '../core/logger.ts'
import { ManualClock } from '../core/manual-clock.ts'
import { crashImage, freshFolder, quiet } from '../testing/crash-image.test-support.ts'
import { Gate } from '../testing/gate.test-support.ts'

const schema = z.object({ task: z.literal('t'), n: z.int() })
const tasks = queue('tasks', { schema, discriminator: 'task' })
const shop = database('shop')
const task = (n: number) => ({ task: 't' as const, n })

function workers(home: 'log' | 'database', done: (n: number) => void | Promise<void>) {
  return worker('workers', {
    from: tasks,
    ...(home === 'database' && { database: shop }),
    retry: { attempts: 1 },
    on: { t: ({ n }) => done(n) },
  })
}

describe.each(['log', 'database'] as const)('a task sent twice with one id, with the %s as home', (home) => {
  it('is done once, whether the first is done or runs', async () => {
    const done: number[] = []
    const gate = new Gate()
    await using app = testApp()
    app.add(
      workers(home, async (n) => {
        done.push(n)
        if (n === 2) await gate.pass()
      }),
    )
    await app.start()
    await app.send(tasks, task(1), { id: 'a' })
    await app.settled()
    await app.send(tasks, task(1), { id: 'a' })
    await app.send(tasks, task(2), { id: 'b' })
    await gate.reached
    await app.send(tasks, task(2), { id: 'b' })
    await app.send(tasks, task(3))
    gate.open()
    await app.settled()
    expect(done.sort()).toEqual([1, 2, 3])
  })

  it('is done once where both come in one commit, and from handlers', async () => {
    const done: number[] = []
    const relayed = queue('relayed', { schema, discriminator: 'task' })
    await using app = testApp()
    app.add(
      workers(home, (n) => void done.push(n)),
      worker('relays', {
        from: relayed,
        ...(home === 'database' && { database: shop }),
        on: { t: ({ n }, { send }) => send(tasks, task(n), { id: 'a' }) },
      }),
    )
    await app.start()
    await app.transaction(({ send }) => {
      send(tasks, task(1), { id: 'a' })
      send(tasks, task(2), { id: 'a' })
    })
    await app.send(relayed, task(3))
    await app.settled()
    expect(done).toEqual([1])
  })

  it('is done once while the first is delayed, held or dead', async () => {
    const done: number[] = []
    let isDown = true
    await using app = testApp()
    app.add(
      workers(home, (n) => {
        if (n === 2 && isDown) throw new RetryAfterError('1m')
        if (n === 3) throw new RejectError('no')
        done.push(n)
      }),
    )
    await app.start()
    const sendAll = async () => {
      await app.send(tasks, task(1), { id: 'delayed', delay: '2m' })
      await app.send(tasks, task(2), { id: 'held' })
      await app.send(tasks, task(3), { id: 'dead' })
      await app.advance(0)
    }
    await sendAll()
    await sendAll()
    isDown = false
    await app.advance('10m')
    expect(done.sort()).toEqual([1, 2])
    expect(await app.deadLetters.list()).toHaveLength(1)
  })

  it('is done again after the window, and where the first was cancelled', async () => {
    const done: number[] = []
    await using app = testApp()
    app.add(workers(home, (n) => void done.push(n)))
    await app.start()
    await app.send(tasks, task(1), { id: 'a' })
    await app.settled()
    await app.advance(5 * 60_000 - 1)
    await app.send(tasks, task(2), { id: 'a' })
    await app.settled()
    await app.advance(1)
    await app.send(tasks, task(3), { id: 'a' })
    await app.settled()
    expect(done).toEqual([1, 3])

    await app.send(tasks, task(4), { id: 'b', delay: '1h' })
    await app.settled()
    expect(await app.delayed.cancel('b', { queue: 'tasks' })).toBe('cancelled')
    await app.send(tasks, task(5), { id: 'b' })
    await app.advance('2h')
    expect(done).toEqual([1, 3, 5])
  })

  it('is done once after a kill too', async () => {
    const folder = freshFolder()
    const clock = new ManualClock(1_000_000)
    const done: number[] = []
    const component = () => workers(home, (n) => void done.push(n))
    const first = fileApp(folder, clock)
    first.add(component())
    await first.start()
    await first.send(tasks, task(1), { id: 'a' })
    await first.send(tasks, task(2), { id: 'b', delay: '1m' })
    await quiet(first)
    const image = crashImage(folder)
    await first.stop()

    await using second = fileApp(image, clock)
    second.add(component())
    await second.start()
    await second.send(tasks, task(1), { id: 'a' })
    await second.send(tasks, task(2), { id: 'b' })
    await quiet(second)
    clock.advanceBy(60_000)
    await quiet(second)
    await second.settled()
    expect(done.sort()).toEqual([1, 2])
  })
})

it('a queue without deduplication does each, and one with a window of its own keeps to that', async () => {
  const done: string[] = []
  const each = queue('each', { schema, discriminator: 'task', deduplicate: false })
  const short = queue('short', { schema, discriminator: 'task', deduplicate: { window: '1s' } })
  await using app = testApp()
  app.add(
    worker('all', { from: each, on: { t: ({ n }) => void done.push(`each ${n}`) } }),
    worker('some', { from: short, on: { t: ({ n }) => void done.push(`short ${n}`) } }),
  )
  await app.start()
  for (const n of [1, 2]) {
    await app.send(each, task(n), { id: 'a' })
    await app.send(short, task(n), { id: 'a' })
  }
  await app.advance('1s')
  await app.send(short, task(3), { id: 'a' })
  await app.settled()
  expect(done.sort()).toEqual(['each 1', 'each 2', 'short 1', 'short 3'])
})

function fileApp(folder: string, clock: ManualClock): MillraceApp {
  const options = { url: `file:${folder}/log.db`, logger: silentLogger }
  return new MillraceApp(readSettings('test', options, { clock, databaseUrl: `file:${folder}/app.db` }))
}
