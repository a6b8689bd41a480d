import { queue, worker } from 'millrace/queue'
import { database } from 'millrace/sql'
import { testApp } from 'millrace/testing'
import { afterEach, describe, expect, it } from 'vitest'
import * as z from 'zod'
import { silentLogger } from '../core/logger.ts'
import { ManualClock } from '../core/manual-clock.ts'
import { parkingLimits } from '../runtime/parking/parking.ts'
import { crashImage, freshFolder, quiet } from '../testing/crash-image.test-support.ts'
import { Gate } from '../testing/gate.test-support.ts'
import { readSettings } from './millrace.ts'
import { MillraceApp } from './millrace-app.ts'

const tasks = queue('tasks', {
  schema: z.object({ task: z.literal('t'), n: z.int() }),
  discriminator: 'task',
  partitions: 2,
})
const shop = database('shop')
const task = (n: number) => ({ task: 't' as const, n })

function workers(home: 'log' | 'database', done: (n: number) => void | Promise<void>) {
  return worker('workers', {
    from: tasks,
    ...(home === 'database' && { database: shop }),
    on: { t: ({ n }) => done(n) },
  })
}
function fileApp(folder: string, clock: ManualClock): MillraceApp {
  const options = { url: `file:${folder}/log.db`, logger: silentLogger }
  return new MillraceApp(readSettings('test', options, { clock, databaseUrl: `file:${folder}/app.db` }))
}
const of = { queue: 'tasks' }

describe.each(['log', 'database'] as const)('a delayed task, with the %s as home', (home) => {
  const { records } = parkingLimits
  afterEach(() => {
    parkingLimits.records = records
  })

  it('is cancelled before its time, once, and not done; the others are', async () => {
    const done: number[] = []
    await using app = testApp()
    app.add(workers(home, (n) => void done.push(n)))
    await app.start()
    for (const n of [1, 2, 3]) await app.send(tasks, task(n), { id: `t${n}`, delay: '1h' })
    await app.settled()
    expect(await app.delayed.cancel('t2', of)).toBe('cancelled')
    expect(await app.delayed.cancel('t2', of)).toBe('not-found')
    await app.advance('2h')
    expect(done.sort()).toEqual([1, 3])
    expect(await app.delayed.cancel('t1', of)).toBe('not-found')
  })

  it('that has begun is not cancelled', async () => {
    const done: number[] = []
    const gate = new Gate()
    await using app = testApp()
    app.add(
      workers(home, async (n) => {
        await gate.pass()
        done.push(n)
      }),
    )
    await app.start()
    await app.send(tasks, task(1), { id: 't1', delay: '1h' })
    await app.advance('1h')
    await gate.reached
    expect(await app.delayed.cancel('t1', of)).toBe('not-found')
    gate.open()
    await app.settled()
    expect(done).toEqual([1])
  })

  it('is cancelled also where the store has no room for it', async () => {
    parkingLimits.records = 0
    const done: number[] = []
    await using app = testApp()
    app.add(workers(home, (n) => void done.push(n)))
    await app.start()
    await app.send(tasks, task(1), { id: 't1', delay: '1h' })
    await app.advance(0)
    expect(await app.delayed.cancel('t1', of)).toBe('cancelled')
    await app.advance('2h')
    expect(done).toEqual([])
    await app.settled()
  })

  it('is cancelled before its worker has read it, and stays so after a kill', async () => {
    const folder = freshFolder()
    const clock = new ManualClock(1_000_000)
    const done: number[] = []
    const component = () => workers(home, (n) => void done.push(n))
    const first = fileApp(folder, clock)
    const handle = first.add(component())
    await first.start()
    await handle.pause('later')
    for (const n of [1, 2, 3, 4]) await first.send(tasks, task(n), { id: `t${n}`, delay: '1h' })
    expect((await first.delayed.list()).map(({ id }) => id).sort()).toEqual(['t1', 't2', 't3', 't4'])
    expect(await first.delayed.cancel('t2')).toBe('cancelled')
    expect(await first.delayed.cancel('t3')).toBe('cancelled')
    const image = crashImage(folder)
    await first.stop()

    await using second = fileApp(image, clock)
    second.add(component())
    await second.start()
    await quiet(second)
    clock.advanceBy(3_600_000)
    await quiet(second)
    await second.settled()
    expect(done.sort()).toEqual([1, 4])
  })

  it('of a worker that does not run is pending, and cancelled when it runs', async () => {
    const folder = freshFolder()
    const clock = new ManualClock(1_000_000)
    const done: number[] = []
    const first = fileApp(folder, clock)
    first.add(workers(home, (n) => void done.push(n)))
    await first.start()
    for (const n of [1, 2]) await first.send(tasks, task(n), { id: `t${n}`, delay: '1h' })
    await first.settled()
    await first.stop()

    const operator = fileApp(folder, clock)
    expect(await operator.delayed.cancel('t1', { ...of, wait: 50 })).toBe('pending')
    await operator.stop()

    await using second = fileApp(folder, clock)
    second.add(workers(home, (n) => void done.push(n)))
    await second.start()
    await quiet(second)
    clock.advanceBy(3_600_000)
    await quiet(second)
    await second.settled()
    expect(done).toEqual([2])
  })

  it('that became due during an outage is cancelled, and the worker goes on when the outage ends', async () => {
    const done: number[] = []
    let isAway = true
    await using app = testApp()
    app.add(
      worker('workers', {
        from: tasks,
        ...(home === 'database' && { database: shop }),
        pauseOn: () => isAway,
        on: {
          t: ({ n }) => {
            if (isAway) throw new Error('the mail server is away')
            done.push(n)
          },
        },
      }),
    )
    await app.start()
    for (const n of [1, 2]) await app.send(tasks, task(n), { id: `t${n}`, delay: 200 })
    await app.send(tasks, task(0), { id: 't0' })
    // The outage begins with t0; the others become due before the first probe, and wait for it in the store.
    await app.advance(300)
    expect(await app.delayed.cancel('t1', of)).toBe('cancelled')
    isAway = false
    await app.advance('1m')
    await app.settled()
    expect(done.sort()).toEqual([0, 2])
    expect(app.health().status).toBe('up')
  })
})

it('delayed tasks are listed, the first due first', async () => {
  await using app = testApp()
  app.add(workers('log', () => {}))
  await app.start()
  for (const n of [3, 1, 2]) await app.send(tasks, task(n), { id: `t${n}`, delay: n * 60_000 })
  await app.settled()
  expect(await app.delayed.list()).toMatchObject([
    { id: 't1', group: 'workers', topic: 'tasks', key: null, dueAt: '2026-01-01T00:01:00.000Z' },
    { id: 't2' },
    { id: 't3' },
  ])
  expect(await app.delayed.list({ limit: 1 })).toHaveLength(1)
  expect(await app.delayed.list({ queue: 'others' })).toEqual([])
  await app.advance('1m')
  expect((await app.delayed.list()).map(({ id }) => id)).toEqual(['t2', 't3'])
})

it('a delay that no date can say is refused', async () => {
  await using app = testApp()
  await expect(app.send(tasks, task(1), { delay: '200000000d' })).rejects.toThrow(/delay: .*at most a million days/)
  await app.start()
  await expect(app.status()).resolves.toMatchObject({ state: 'started' })
})
