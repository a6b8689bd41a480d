import { topic } from 'millrace'
import { subscriber } from 'millrace/pubsub'
import { database } from 'millrace/sql'
import { testApp } from 'millrace/testing'
import { afterEach, describe, expect, it } from 'vitest'
import * as z from 'zod'
import { readSettings } from '../../app/millrace.ts'
import { MillraceApp } from '../../app/millrace-app.ts'
import { silentLogger } from '../../core/logger.ts'
import { ManualClock } from '../../core/manual-clock.ts'
import { crashImage, freshFolder, quiet } from '../../testing/crash-image.test-support.ts'
import { parkingLimits } from './parking.ts'

const numbers = topic('numbers', {
  schema: z.object({ key: z.string(), n: z.int() }),
  key: ({ key }) => key,
  partitions: 1,
})
const shop = database('shop')
const wait = '5s'

/** Fails for what is bad. */
function sums(
  home: 'log' | 'database',
  { seen, bad, attempts = 1 }: { seen: string[]; bad: Set<number>; attempts?: number },
) {
  return subscriber('sums', {
    from: numbers,
    ...(home === 'database' && { database: shop }),
    whenSpent: 'dead-letter-in-order',
    retry: { attempts, delay: '10s' },
    on: ({ key, n }) => {
      if (bad.has(n)) throw new Error(`bad ${n}`)
      seen.push(`${key}${n}`)
    },
  })
}

describe.each(['log', 'database'] as const)('a key with a dead record, with the %s as home', (home) => {
  const { recordsOfKey } = parkingLimits
  afterEach(() => {
    parkingLimits.recordsOfKey = recordsOfKey
  })

  it.each([1, 2])('waits until it is redriven, in order, after %d attempts; others go on', async (attempts) => {
    const seen: string[] = []
    const bad = new Set([1])
    await using app = testApp()
    app.add(sums(home, { seen, bad, attempts }))
    await app.start()
    for (const n of [1, 2, 3]) await app.publish(numbers, { key: 'a', n })
    await app.publish(numbers, { key: 'b', n: 4 })
    await app.advance('1m')
    await app.publish(numbers, { key: 'a', n: 5 })
    await app.settled()
    expect(seen).toEqual(['b4'])
    const [held] = (await app.status()).components[0]!.group!.held.first
    expect(held).toMatchObject({ key: 'a', reason: 'bad 1', dueAt: null })
    // It dies again, and the key waits on.
    expect(await app.deadLetters.redrive({}, { wait })).toMatchObject([{ outcome: 'redriven' }])
    await app.advance('1m')
    expect(seen).toEqual(['b4'])
    bad.clear()
    expect(await app.deadLetters.redrive({}, { wait })).toMatchObject([{ outcome: 'redriven', redrives: 1 }])
    await app.settled()
    expect(seen).toEqual(['b4', 'a1', 'a2', 'a3', 'a5'])
    await app.publish(numbers, { key: 'a', n: 6 })
    await app.settled()
    expect(seen.at(-1)).toBe('a6')
  })

  it('goes on without it when it is discarded, and stops at the next that dies', async () => {
    const seen: string[] = []
    await using app = testApp()
    app.add(sums(home, { seen, bad: new Set([1, 3]) }))
    await app.start()
    for (const n of [1, 2, 3, 4]) await app.publish(numbers, { key: 'a', n })
    await app.settled()
    expect(seen).toEqual([])
    await app.deadLetters.discard({}, { wait })
    await app.settled()
    expect(seen).toEqual(['a2'])
    await app.deadLetters.discard({}, { wait })
    await app.settled()
    expect(seen).toEqual(['a2', 'a4'])
    await app.publish(numbers, { key: 'a', n: 5 })
    await app.settled()
    expect(seen).toEqual(['a2', 'a4', 'a5'])
    expect((await app.status()).components[0]!.group!.held).toMatchObject({ records: 0, keys: 0 })
  })

  it.each([0, 1, 2])('loses nothing and keeps its order with room for %d followers', async (room) => {
    parkingLimits.recordsOfKey = room + 1
    const seen: string[] = []
    const bad = new Set([1])
    await using app = testApp()
    app.add(sums(home, { seen, bad }))
    await app.start()
    for (const n of [1, 2, 3, 4, 5]) await app.publish(numbers, { key: 'a', n })
    await app.advance(0)
    expect(seen).toEqual([])
    await app.deadLetters.discard({}, { wait })
    await app.settled()
    expect(seen).toEqual(['a2', 'a3', 'a4', 'a5'])
  })

  it('whose followers have no more room is named when the app does not settle', async () => {
    parkingLimits.recordsOfKey = 2
    await using app = testApp()
    app.add(sums(home, { seen: [], bad: new Set([1]) }))
    await app.start()
    for (const n of [1, 2, 3]) await app.publish(numbers, { key: 'a', n })
    await app.advance(0)
    const [letter] = await app.deadLetters.list()
    const why = `2 records of key 'a' are held, .*; 1 record of key 'a' waits behind its dead letter ${letter!.id}, until that is redriven or discarded`
    await expect(app.settled({ timeout: 20 })).rejects.toThrow(new RegExp(`numbers/0 is at .*\\(waits: ${why}\\)`))
    await app.deadLetters.discard({}, { wait })
    await app.settled()
  })

  it.each(['redrive', 'discard'] as const)('waits after a kill too; then %s lets it go on', async (command) => {
    const folder = freshFolder()
    const clock = new ManualClock(1_000_000)
    const seen: string[] = []
    const bad = new Set([1])
    const first = fileApp(folder, clock)
    first.add(sums(home, { seen, bad, attempts: 2 }))
    await first.start()
    for (const n of [1, 2, 3]) await first.publish(numbers, { key: 'a', n })
    await quiet(first)
    clock.advanceBy(10_000)
    await quiet(first)
    await first.settled()
    expect(await first.deadLetters.list()).toHaveLength(1)
    const image = crashImage(folder)
    await first.stop()

    bad.clear()
    await using second = fileApp(image, clock)
    second.add(sums(home, { seen, bad }))
    await second.start()
    await second.publish(numbers, { key: 'a', n: 4 })
    await second.settled()
    expect(seen).toEqual([])
    await second.deadLetters[command]({}, { wait })
    await second.settled()
    expect(seen).toEqual(command === 'redrive' ? ['a1', 'a2', 'a3', 'a4'] : ['a2', 'a3', 'a4'])
  })
})

function fileApp(folder: string, clock: ManualClock): MillraceApp {
  const options = { url: `file:${folder}/log.db`, logger: silentLogger }
  return new MillraceApp(readSettings('test', options, { clock, databaseUrl: `file:${folder}/app.db` }))
}
