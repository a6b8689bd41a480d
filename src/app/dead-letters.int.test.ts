import { topic } from 'millrace'
import { subscriber } from 'millrace/pubsub'
import { database } from 'millrace/sql'
import { testApp } from 'millrace/testing'
import { describe, expect, it } from 'vitest'
import * as z from 'zod'
import { silentLogger } from '../core/logger.ts'
import { ManualClock } from '../core/manual-clock.ts'
import { crashImage, freshFolder, quiet } from '../testing/crash-image.test-support.ts'
import { readSettings } from './millrace.ts'
import { MillraceApp } from './millrace-app.ts'

const numbers = topic('numbers', {
  schema: z.object({ key: z.string(), n: z.int() }),
  key: ({ key }) => key,
  partitions: 1,
})
const others = topic('others', { schema: z.object({ n: z.int() }), partitions: 1 })
const shop = database('shop')
const wait = '5s'

/** Fails for numbers below `least`. */
function picky(home: 'log' | 'database', seen: number[], settings: { least: number }) {
  return subscriber('sums', {
    from: [numbers, others],
    ...(home === 'database' && { database: shop }),
    retry: { attempts: 1 },
    on: ({ n }) => {
      if (n < settings.least) throw n === 2 ? new TypeError(`no ${n}`) : new RangeError(`no ${n}`)
      seen.push(n)
    },
  })
}

describe.each(['log', 'database'] as const)('dead letters, with the %s as home', (home) => {
  it('are discarded: a redrive that comes later does nothing', async () => {
    const seen: number[] = []
    const settings = { least: 10 }
    await using app = testApp()
    app.add(picky(home, seen, settings))
    await app.start()
    await app.publish(numbers, { key: 'a', n: 1 })
    await app.settled()
    const [letter] = await app.deadLetters.list()
    settings.least = 0
    expect(await app.deadLetters.discard({ id: letter!.id }, { wait })).toMatchObject([{ outcome: 'discarded' }])
    expect(await app.deadLetters.redrive({ id: letter!.id }, { wait })).toEqual([])
    expect(await app.deadLetters.list()).toMatchObject([{ isDiscarded: true, isRedriven: false }])
    await app.settled()
    expect(seen).toEqual([])
  })

  it('that two tell different things at once follow the first', async () => {
    const seen: number[] = []
    const settings = { least: 10 }
    await using app = testApp()
    app.add(picky(home, seen, settings))
    await app.start()
    await app.publish(numbers, { key: 'a', n: 1 })
    await app.settled()
    settings.least = 0
    const { deadLetters } = app
    const told = await Promise.all([deadLetters.redrive({}, { wait }), deadLetters.discard({}, { wait })])
    const outcomes = told.flat().map(({ outcome }) => outcome)
    expect(new Set(outcomes).size).toBe(1)
    await app.settled()
    expect(seen).toEqual(outcomes.includes('redriven') ? [1] : [])
  })

  it('are redriven with another value, once it fits', async () => {
    const seen: number[] = []
    await using app = testApp()
    app.add(picky(home, seen, { least: 10 }))
    await app.start()
    await app.publish(numbers, { key: 'a', n: 1 })
    await app.settled()
    const { id } = (await app.deadLetters.list())[0]!
    await expect(app.deadLetters.redrive({ id, value: { n: 1.5 } })).rejects.toMatchObject({
      code: 'INVALID_EVENT',
      faults: [{ path: 'key' }, { path: 'n' }],
    })
    await expect(app.deadLetters.redrive({ id, value: { key: 'b', n: 11 } })).rejects.toThrow("its key is 'b'")
    expect(await app.deadLetters.list()).toMatchObject([{ isRedriven: false }])
    const told = await app.deadLetters.redrive({ id, value: { key: 'a', n: 11 } }, { wait })
    expect(told).toMatchObject([{ outcome: 'redriven' }])
    await app.settled()
    expect(seen).toEqual([11])
  })

  it('that die again tell how often they were redriven', async () => {
    await using app = testApp()
    app.add(picky(home, [], { least: 10 }))
    await app.start()
    await app.publish(numbers, { key: 'a', n: 1 })
    await app.settled()
    for (let n = 0; n < 2; n++) {
      await app.deadLetters.redrive({}, { wait })
      await app.settled()
    }
    const letters = await app.deadLetters.list()
    expect(letters.map(({ redrives, isRedriven }) => ({ redrives, isRedriven }))).toEqual([
      { redrives: 0, isRedriven: true },
      { redrives: 1, isRedriven: true },
      { redrives: 2, isRedriven: false },
    ])
  })
})

it('dead letters are counted by cause, and filtered by topic and number', async () => {
  await using app = testApp()
  app.add(picky('log', [], { least: 10 }))
  await app.start()
  for (const n of [1, 2, 3]) await app.publish(numbers, { key: 'a', n })
  await app.publish(others, { n: 1 })
  await app.settled()
  const { deadLetters } = app
  expect(await deadLetters.list({ topic: 'others' })).toMatchObject([{ topic: 'others' }])
  expect(await deadLetters.list({ group: 'sums', limit: 2 })).toHaveLength(2)
  expect(await deadLetters.count({ topic: 'numbers' })).toMatchObject([
    { group: 'sums', name: 'RangeError', message: 'no 3', count: 2 },
    { name: 'TypeError', message: 'no 2', count: 1 },
  ])
  await deadLetters.discard({ limit: 1 })
  expect((await deadLetters.count({ topic: 'numbers' })).map(({ count }) => count)).toEqual([1, 1])
})

it('an edited value is refused where its topic is not known', async () => {
  const folder = freshFolder()
  const clock = new ManualClock(1_000_000)
  const app = fileApp(folder, clock)
  app.add(picky('log', [], { least: 10 }))
  await app.start()
  await app.publish(numbers, { key: 'a', n: 1 })
  await app.settled()
  const { id } = (await app.deadLetters.list())[0]!
  await app.stop()
  await using other = fileApp(folder, clock)
  const edited = other.deadLetters.redrive({ id, value: { key: 'a', n: 11 } })
  await expect(edited).rejects.toMatchObject({ code: 'UNDEFINED_TOPIC' })
})

function fileApp(folder: string, clock: ManualClock): MillraceApp {
  const options = { url: `file:${folder}/log.db`, logger: silentLogger }
  return new MillraceApp(readSettings('test', options, { clock, databaseUrl: `file:${folder}/app.db` }))
}

describe.each(['log', 'database'] as const)('commands, with the %s as home', (home) => {
  it('for a group that does not run are pending, and carried out once when it does', async () => {
    const folder = freshFolder()
    const clock = new ManualClock(1_000_000)
    const seen: number[] = []
    const settings = { least: 10 }
    const first = fileApp(folder, clock)
    first.add(picky(home, seen, settings))
    await first.start()
    for (const n of [1, 2, 3]) await first.publish(numbers, { key: 'a', n })
    await first.settled()
    await first.stop()

    const operator = fileApp(folder, clock)
    const told = await operator.deadLetters.redrive({}, { wait: 50 })
    expect(told.map(({ outcome }) => outcome)).toEqual(['pending', 'pending', 'pending'])
    await operator.stop()

    settings.least = 0
    const second = fileApp(folder, clock)
    second.add(picky(home, seen, settings))
    await second.start()
    await quiet(second)
    const image = crashImage(folder)
    await second.stop()
    expect(seen).toEqual([1, 2, 3])

    await using third = fileApp(image, clock)
    third.add(picky(home, seen, settings))
    await third.start()
    await quiet(third)
    expect(seen).toEqual([1, 2, 3])
  })
})

it.each([
  ['a part that is misspelt', { idd: 'x' }, ['idd']],
  ['a part that is undefined', { id: undefined }, ['id']],
  ['parts of other types', { group: 3, limit: 0 }, ['group', 'limit']],
  ['nothing', null, ['']],
])('dead letters are not told anything by %s: it would mean all of them', async (_, which, paths) => {
  const settings = { least: 10 }
  await using app = testApp()
  app.add(picky('log', [], settings))
  await app.start()
  await app.publish(numbers, { key: 'a', n: 1 })
  await app.settled()
  const { deadLetters } = app
  for (const call of ['redrive', 'discard'] as const) {
    const told = deadLetters[call](which as never)
    await expect(told).rejects.toMatchObject({ name: 'InvalidOptionsError', faults: paths.map((path) => ({ path })) })
  }
  expect(await deadLetters.list()).toMatchObject([{ isRedriven: false, isDiscarded: false }])
})

it('options of dead letters and delayed tasks that cannot be used are refused, all at once', async () => {
  await using app = testApp()
  const odd = { limit: { count: 0 }, dryrun: true, wait: 'soon' } as never
  await expect(app.deadLetters.redrive({ id: 'x' }, odd)).rejects.toThrow(
    /^deadLetters\.redrive: options\.dryrun: no such option.*options\.wait: .*options\.limit\.count: .*options\.limit\.every: /,
  )
  await expect(app.deadLetters.list({ grup: 'x' } as never)).rejects.toThrow('deadLetters.list: grup: no such option')
  await expect(app.delayed.list({ quue: 'x' } as never)).rejects.toThrow('delayed.list: quue: no such option')
  await expect(app.delayed.cancel('x', { wait: 'soon' } as never)).rejects.toThrow('delayed.cancel: wait: "soon"')
})
