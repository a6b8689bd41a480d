/** A short life of an app with every way of failing, on files, with time by hand. */
import { RejectError, RetryAfterError, topic } from 'millrace'
import { command } from 'millrace/cqrs'
import { subscriber } from 'millrace/pubsub'
import { queue, worker } from 'millrace/queue'
import { database } from 'millrace/sql'
import * as z from 'zod'
import { readSettings } from '../../src/app/millrace.ts'
import { MillraceApp } from '../../src/app/millrace-app.ts'
import { silentLogger } from '../../src/core/logger.ts'
import { ManualClock } from '../../src/core/manual-clock.ts'
import { readDatabaseFile, readLogFile } from './files.ts'

const Numbered = z.object({ n: z.number(), key: z.string() })
const numbers = topic('numbers', { schema: Numbered, key: ({ key }) => key, partitions: 1 })
const copies = topic('copies', { schema: Numbered, key: ({ key }) => key, partitions: 1 })
const echoes = topic('echoes', { schema: Numbered, key: ({ key }) => key, partitions: 1 })
const chores = queue('chores', {
  schema: Numbered.extend({ type: z.literal('chore') }),
  partitions: 1,
})
interface Tables {
  rows: { number?: number; n: number }
}
const shop = database<Tables>('shop', {
  migrations: {
    '001': {
      up: (db) =>
        db.schema
          .createTable('rows')
          .addColumn('number', 'integer', (column) => column.primaryKey().autoIncrement())
          .addColumn('n', 'integer')
          .execute(),
    },
  },
})

/** Record 2 is held for 10 seconds with 3 behind it; 4 is dead until it is mended; chore 10 waits a minute. */
const [held, dead] = [2, 4]

export class Scenario {
  readonly #clock: ManualClock
  readonly #app: MillraceApp
  readonly #add
  /** What was broken works now. */
  isMended: boolean
  /** Numbers whose publication was acknowledged. */
  readonly acknowledged = new Set<number>()

  constructor(folder: string, { startMs, isMended }: { readonly startMs: number; readonly isMended: boolean }) {
    this.#clock = new ManualClock(startMs)
    this.isMended = isMended
    this.#app = new MillraceApp(
      readSettings(
        'boundary',
        { url: `file:${folder}/log.db`, logger: silentLogger, drainTimeout: '1s' },
        { clock: this.#clock, databaseUrl: `file:${folder}/app.db`, random: () => 0.5 },
      ),
    )
    this.#app.add(...this.#components())
    this.#add = this.#app.add(
      command('add', {
        database: shop,
        input: Numbered,
        handle: async (event, { tx, publish }) => {
          await tx.insertInto('rows').values({ n: event.n }).execute()
          publish(copies, event)
        },
      }),
    )
  }

  /** Everything once. What fails on the way is left as it is. */
  async live(): Promise<void> {
    if (!(await this.#try(() => this.#app.start()))) return this.stop()
    for (const n of [1, held, 3, dead]) await this.#try(() => this.#publish(n))
    await this.#try(async () => {
      await this.#app.send(chores, { type: 'chore', n: 10, key: 'c' }, { delay: '1m' })
      this.acknowledged.add(10)
    })
    await this.#try(async () => {
      await this.#add.execute({ n: 20, key: 'd' })
      this.acknowledged.add(20)
    })
    await this.#advance(10_000)
    this.isMended = true
    await this.#try(() => this.#app.deadLetters.redrive({}))
    await this.#try(() => this.#publish(5))
    await this.#advance(50_000)
    await this.stop()
  }

  /** Finishes what an earlier life left. Throws where it cannot. */
  async recover(): Promise<void> {
    this.isMended = true
    await this.#app.start()
    await this.#pass()
    await this.#app.deadLetters.redrive({})
    await this.#pass()
    await this.#app.stop()
  }
  /** Until nothing waits, and a while more. */
  async #pass(): Promise<void> {
    for (const ms of [60_000, 60_000]) {
      await this.#app.waitUntil(performance.now() + 2_000, () => this.#isQuiet())
      this.#clock.advanceBy(ms)
    }
    await this.#app.settled({ timeout: '2s' })
  }

  async stop(): Promise<void> {
    await this.#try(() => this.#app.stop())
  }

  async #publish(n: number): Promise<void> {
    await this.#app.publish(numbers, { n, key: keyOf(n) }, { id: `n-${n}` })
    this.acknowledged.add(n)
  }
  async #advance(ms: number): Promise<void> {
    await this.#quiet()
    this.#clock.advanceBy(ms)
    await this.#quiet()
  }
  /** Until nothing goes on without the clock. */
  async #quiet(): Promise<void> {
    await this.#try(() => this.#app.waitUntil(performance.now() + 2_000, () => this.#isQuiet()))
  }
  async #isQuiet(): Promise<boolean> {
    return (await this.#app.unsettled()).every(({ dueMs }) => dueMs !== undefined)
  }
  /** False where it failed: by the fault, or by what follows from it. What counts is what is left. */
  async #try(work: () => Promise<unknown>): Promise<boolean> {
    try {
      await work()
      return true
    } catch {
      return false
    }
  }

  #components() {
    const sums = subscriber('sums', {
      from: numbers,
      database: shop,
      on: async (event, { tx, publish }) => {
        await tx.insertInto('rows').values({ n: event.n }).execute()
        publish(copies, event)
        if (this.isMended) return
        if (event.n === held && this.#clock.nowMs() < 10_000) throw new RetryAfterError('10s')
        if (event.n === dead) throw new RejectError('not yet')
      },
    })
    const echo = subscriber('echo', {
      from: copies,
      on: (event, { publish }) => publish(echoes, event),
    })
    const workers = worker('workers', {
      from: chores,
      database: shop,
      on: {
        chore: async ({ n, key }, { tx, publish }) => {
          await tx.insertInto('rows').values({ n }).execute()
          publish(copies, { n, key })
        },
      },
    })
    return [sums, echo, workers] as const
  }
}

function keyOf(n: number): string {
  return n === held || n === 3 || n === 5 ? 'a' : 'b'
}

/** What does not hold after a recovery: each number that the log has, and each acknowledged one, is there once, in order. */
export function findLosses(folder: string, acknowledged: ReadonlySet<number>): readonly string[] {
  const log = readLogFile(`${folder}/log.db`)
  const file = readDatabaseFile(`${folder}/app.db`)
  const numbersOf = (topic: string) => {
    const records = log.records.filter((record) => record.topic === topic)
    return records.map(({ value }) => (JSON.parse(value ?? '{}') as { n: number }).n)
  }
  const found = {
    rows: file.rows('select n from rows order by number').map(({ n }) => n as number),
    copies: numbersOf('copies'),
    echoes: numbersOf('echoes'),
  }
  const asked = [...numbersOf('numbers'), ...numbersOf('chores')]
  const expected = [...new Set([...asked, ...acknowledged, ...found.rows.filter((n) => n === 20)])].toSorted()
  const faults = [...log.faults, ...file.faults]
  if (new Set(asked).size !== asked.length) faults.push(`published twice: ${asked}`)
  for (const [what, list] of Object.entries(found)) {
    if (list.toSorted().join() !== expected.join()) faults.push(`${what} are ${list}, expected ${expected}`)
    const ofKey = list.filter((n) => keyOf(n) === 'a')
    if (ofKey.join() !== ofKey.toSorted().join()) faults.push(`${what} of a key are in the order ${ofKey}`)
  }
  if (file.outbox.length > 0) faults.push(`${file.outbox.length} messages are left in the outbox`)
  for (const group of ['sums', 'workers']) {
    const { parked } = file.group(group)
    if (parked.length > 0) faults.push(`${group} has ${parked.length} parked records`)
  }
  return faults
}
