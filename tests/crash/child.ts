/** A process of the plant. Arguments: a JSON of `ChildOptions`. It works until it is killed, or until all is done. */
import { setTimeout as wait } from 'node:timers/promises'
import type { App } from 'millrace'
import type { CommandHandle } from 'millrace/cqrs'
import { readSettings } from '../../src/app/millrace.ts'
import { MillraceApp } from '../../src/app/millrace-app.ts'
import { silentLogger } from '../../src/core/logger.ts'
import { Journal } from './journal.ts'
import { createPlant, type Fate, fates, inputs, lefts, rights, tasks } from './plant.ts'
import { SeededRandom } from './random.ts'

export interface ChildOptions {
  /** Of its records' ids. */
  readonly name: string
  readonly folder: string
  readonly journal: string
  readonly seed: number
  readonly isHealed: boolean
  /** Publishes nothing, redrives what is dead, and ends when all is done. */
  readonly isLast: boolean
}

const options = JSON.parse(process.argv[2] ?? '{}') as ChildOptions
const journal = new Journal(options.journal)
const random = new SeededRandom(options.seed)
/** Tasks are due within this. */
const longestDelayMs = 3_000
const mostRecords = 250

/** Where the threshold is low, most waits are held in the store; else in memory, with records behind them finished ahead. */
const app = new MillraceApp(
  readSettings(
    'plant',
    { url: `file:${options.folder}/log.db?sessionTimeout=1s`, logger: silentLogger },
    { databaseUrl: `file:${options.folder}/app.db`, longestWaitInMemoryMs: random.chance(0.6) ? 40 : 5_000 },
  ),
)
const { components, booking } = createPlant({
  isHealed: options.isHealed,
  attempted: (attempt) => journal.write({ kind: 'attempt', ...attempt }),
})
app.add(...components)
const bookings = app.add(booking)
try {
  await app.start()
  journal.write({ kind: 'ready' })
  await (options.isLast ? finish(app) : Promise.all([publish(app, bookings), redriveSome(app), watch(app)]))
} catch (error) {
  journal.write({ kind: 'failed', message: error instanceof Error ? (error.stack ?? error.message) : String(error) })
  process.exitCode = 1
}

/** Some at once, with pauses, of every kind. */
async function publish(app: App, bookings: CommandHandle<{ source: string }, void>): Promise<void> {
  let count = 0
  const one = async () => {
    const id = `${options.name}-${count++}`
    const kind = random.next()
    if (kind < 0.55) {
      await app.publish(inputs, randomWork(), { id })
      journal.write({ kind: 'acknowledged', topic: 'inputs', id })
    } else if (kind < 0.85) {
      const delay = random.chance(0.3) ? 0 : 10 + random.below(random.chance(0.5) ? 200 : longestDelayMs - 10)
      await app.send(tasks, { type: 'work', ...randomWork() }, { id, delay })
      journal.write({ kind: 'acknowledged', topic: 'tasks', id })
    } else if (kind < 0.92) {
      await app.transaction(({ publish }) => {
        publish(lefts, { source: id, key: id }, { id })
        publish(rights, { source: id, key: `other ${id}` }, { id })
      })
      journal.write({ kind: 'acknowledged', topic: 'lefts', id })
    } else {
      await bookings.execute({ source: id })
      journal.write({ kind: 'booked', id })
    }
  }
  while (count < mostRecords) {
    await Promise.all(Array.from({ length: 1 + random.below(6) }, one))
    await wait(random.below(12))
  }
}

function randomWork(): { key: string; fate: Fate; notBeforeMs: number } {
  const fate = random.chance(0.75) ? 'fine' : fates[random.below(fates.length)]!
  return { key: `key-${random.below(8)}`, fate, notBeforeMs: Date.now() + 500 }
}

/** Now and then one of the dead letters. */
async function redriveSome(app: App): Promise<void> {
  for (;;) {
    await wait(50 + random.below(300))
    const letters = (await app.deadLetters.list()).filter(({ isRedriven }) => !isRedriven)
    const letter = letters[random.below(letters.length)]
    if (letter !== undefined) await app.deadLetters.redrive({ id: letter.id })
  }
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
  await wait(longestDelayMs)
  await app.settled({ timeout: '30s' })
  await app.deadLetters.redrive({})
  await app.settled({ timeout: '30s' })
}
