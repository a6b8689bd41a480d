/** What a process of the plant publishes, sends and cancels. */
import { setTimeout as wait } from 'node:timers/promises'
import type { App, Published } from 'millrace'
import type { CommandHandle } from 'millrace/cqrs'
import type { Journal } from './journal.ts'
import type { SeededRandom } from './random.ts'
import { type Fate, fates, inputs, lasts, lefts, recents, rights, states, tasks } from './topics.ts'

const mostRecords = 250
const sharedPerRound = 20
/** Keys of the compacted topic; the last ones of them are deleted now and then. */
const stateKeys = 20
const firstDeletedKey = 14

/** Ids of tasks that every process of the round sends, as those of the next round do. */
export function sharedIds(round: number): readonly string[] {
  return Array.from({ length: sharedPerRound }, (_, number) => `shared-${round}-${number}`)
}
export function isShared(id: string): boolean {
  return id.startsWith('shared-')
}

interface ProducerOptions {
  readonly app: App
  readonly bookings: CommandHandle<{ source: string }, void>
  readonly journal: Journal
  readonly random: SeededRandom
  readonly name: string
  readonly round: number
}

export class Producer {
  /** Tasks are due within this. */
  readonly longestDelayMs = 3_000
  readonly #options: ProducerOptions
  #count = 0

  constructor(options: ProducerOptions) {
    this.#options = options
  }

  /** Some at once, with pauses, of every kind. */
  async run(): Promise<void> {
    const { random } = this.#options
    while (this.#count < mostRecords) {
      await Promise.all(Array.from({ length: 1 + random.below(6) }, () => this.#publishOne()))
      await wait(random.below(12))
    }
  }

  /** Acknowledged tasks are journaled; one that was sent before is acknowledged too. */
  async sendTask(id: string, delay = 0): Promise<void> {
    const { app, journal } = this.#options
    await app.send(tasks, { type: 'work', ...this.#randomWork() }, { id, delay })
    journal.write({ kind: 'acknowledged', topic: 'tasks', id })
  }

  /** Now and then a task, whoever sent it. */
  async cancelSome(): Promise<void> {
    const { app, random } = this.#options
    for (;;) {
      await wait(20 + random.below(150))
      const delayed = (await app.delayed.list({ queue: 'tasks' })).filter(({ id }) => !isShared(id))
      const task = delayed[random.below(delayed.length)]
      if (task !== undefined) await this.#cancel(task.id)
    }
  }

  async #cancel(id: string): Promise<void> {
    const { app, journal, random } = this.#options
    journal.write({ kind: 'cancelling', id })
    const outcome = await app.delayed.cancel(id, { wait: '500ms' })
    journal.write({ kind: 'cancel', id, outcome })
    // At once, so that nobody cancels this one.
    if (outcome === 'cancelled' && random.chance(0.4)) await this.sendTask(id)
  }

  async #publishOne(): Promise<void> {
    const { app, bookings, journal, random, name, round } = this.#options
    const id = `${name}-${this.#count++}`
    const kind = random.next()
    if (kind < 0.5) {
      await app.publish(inputs, this.#randomWork(), { id })
      journal.write({ kind: 'acknowledged', topic: 'inputs', id })
    } else if (kind < 0.7) {
      await this.sendTask(id, this.#randomDelayMs())
      // Perhaps before its worker has read it.
      if (random.chance(0.1)) await this.#cancel(id)
    } else if (kind < 0.8) {
      const shared = sharedIds(Math.max(0, round - random.below(2)))[random.below(sharedPerRound)]!
      await Promise.all(
        [...(random.chance(0.3) ? [shared] : []), shared].map((one) => this.sendTask(one, this.#randomDelayMs())),
      )
    } else if (kind < 0.86) {
      await app.transaction(({ publish }) => {
        publish(lefts, { source: id, key: id }, { id })
        publish(rights, { source: id, key: `other ${id}` }, { id })
      })
      journal.write({ kind: 'acknowledged', topic: 'lefts', id })
    } else if (kind < 0.93) {
      await bookings.execute({ source: id })
      journal.write({ kind: 'booked', id })
    } else await this.#publishKept(id)
  }

  /** To the topics that are cleaned meanwhile. */
  async #publishKept(id: string): Promise<void> {
    const { app, journal, random } = this.#options
    const number = random.below(stateKeys)
    const key = `state-${number}`
    const event = { key, n: this.#count }
    const isTombstone = number >= firstDeletedKey && random.chance(0.4)
    const one = async (isTombstone: boolean, publish: () => Promise<Published>) => {
      const sentMs = Date.now()
      const { id, position } = await publish()
      const [, topic = '', partition, offset] = /:([^:/]+)\/(\d+)@(\d+)$/.exec(String(position)) ?? []
      const place = { topic, partition: Number(partition), offset: Number(offset) }
      journal.write({ kind: 'kept', ...place, key, id, isTombstone, sentMs })
    }
    if (isTombstone) journal.write({ kind: 'deleting', key, atMs: Date.now() })
    await Promise.all([
      one(isTombstone, () => (isTombstone ? app.tombstone(states, key) : app.publish(states, event, { id }))),
      ...[recents, lasts].map((topic) => one(false, () => app.publish(topic, event, { id }))),
    ])
  }

  #randomDelayMs(): number {
    const { random } = this.#options
    return random.chance(0.3) ? 0 : 10 + random.below(random.chance(0.5) ? 200 : this.longestDelayMs - 10)
  }

  #randomWork(): { key: string; fate: Fate; notBeforeMs: number } {
    const { random } = this.#options
    const fate = random.chance(0.75) ? 'fine' : fates[random.below(fates.length)]!
    return { key: `key-${random.below(8)}`, fate, notBeforeMs: Date.now() + 500 }
  }
}
