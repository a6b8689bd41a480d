/** A process of the plant. Arguments: a JSON of `ChildOptions`. It works until it is killed, or until all is done. */
import { setTimeout as wait } from 'node:timers/promises'
import type { App } from 'millrace'
import { readSettings } from '../../src/app/millrace.ts'
import { MillraceApp } from '../../src/app/millrace-app.ts'
import { silentLogger } from '../../src/core/logger.ts'
import { Journal } from './journal.ts'
import { createPlant } from './plant.ts'
import { Producer, sharedIds } from './producer.ts'
import { SeededRandom } from './random.ts'
import { bounds } from './topics.ts'

export interface ChildOptions {
  /** Of its records' ids. */
  readonly name: string
  /** Processes of one round and of the one before it send tasks of the same ids. */
  readonly round: number
  readonly folder: string
  readonly journal: string
  readonly seed: number
  readonly isHealed: boolean
  /** Publishes nothing new, redrives what is dead, and ends when all is done. */
  readonly isLast: boolean
}

const options = JSON.parse(process.argv[2] ?? '{}') as ChildOptions
const journal = new Journal(options.journal)
const random = new SeededRandom(options.seed)
/** Groups whose dead records keep their keys waiting. */
const inOrder = ['keeper', 'loader']
/** A record that fails as often as it may was tried by processes before this one, too: not more often than that. */
const mostRedrives = 6

/** Where the threshold is low, most waits are held in the store; else in memory, with records behind them finished ahead. */
const app = new MillraceApp(
  readSettings(
    'plant',
    { url: `file:${options.folder}/log.db?sessionTimeout=1s`, logger: silentLogger },
    {
      databaseUrl: `file:${options.folder}/app.db`,
      longestWaitInMemoryMs: random.chance(0.6) ? 40 : 5_000,
      cleaning: { intervalMs: 60, dirtyRatio: 0.2, minLagMs: bounds.minLagMs, tombstoneMs: bounds.tombstoneMs },
    },
  ),
)
const { components, booking } = createPlant({
  isHealed: options.isHealed,
  attempted: (attempt) => journal.write({ kind: 'attempt', ...attempt }),
})
app.add(...components)
const bookings = app.add(booking)
const producer = new Producer({ ...options, app, bookings, journal, random })
try {
  await app.start()
  journal.write({ kind: 'ready' })
  const work = () => [producer.run(), producer.cancelSome(), redriveSome(app), discardSome(app), watch(app)]
  await (options.isLast ? finish(app) : Promise.all(work()))
} catch (error) {
  journal.write({ kind: 'failed', message: error instanceof Error ? (error.stack ?? error.message) : String(error) })
  process.exitCode = 1
}

/** Now and then one of the dead letters. */
async function redriveSome(app: App): Promise<void> {
  for (;;) {
    await wait(50 + random.below(300))
    const letters = await openLetters(app)
    const letter = letters[random.below(letters.length)]
    if (letter !== undefined) await app.deadLetters.redrive({ id: letter.id })
  }
}
/** Of those that others wait for. Another process may redrive it at the same time. */
async function discardSome(app: App): Promise<void> {
  for (;;) {
    await wait(50 + random.below(300))
    const letters = (await openLetters(app)).filter(({ group }) => inOrder.includes(group))
    const letter = letters[random.below(letters.length)]
    if (letter !== undefined) await app.deadLetters.discard({ id: letter.id })
  }
}
async function openLetters(app: App) {
  return (await app.deadLetters.list()).filter(({ isRedriven, isDiscarded }) => !isRedriven && !isDiscarded)
}

/** A component that dies is a failure of the test, not of the plant. */
async function watch(app: App, ended?: AbortSignal): Promise<void> {
  for (;;) {
    await wait(20)
    if (ended?.aborted) return
    const { reasons } = app.health()
    if (reasons.length > 0) throw new Error(reasons.join('; '))
  }
}

async function finish(app: App): Promise<void> {
  const settled = new AbortController()
  await Promise.race([watch(app, settled.signal), settle(app)])
  settled.abort()
  journal.write({ kind: 'settled' })
  await app.stop()
}
async function settle(app: App): Promise<void> {
  await wait(producer.longestDelayMs)
  await app.settled({ timeout: '30s' })
  for (let redrives = 0; redrives < mostRedrives; redrives++) {
    const letters = await openLetters(app)
    if (redrives > 0 && !letters.some(({ group }) => inOrder.includes(group))) break
    await app.deadLetters.redrive({})
    await app.settled({ timeout: '30s' })
  }
  // What was done long ago is not done again.
  await Promise.all(sharedIds(options.round).map((id) => producer.sendTask(id)))
  await app.settled({ timeout: '30s' })
}
