import { type App, millrace, RetryAfterError } from 'millrace'
import { queue, worker } from 'millrace/queue'
import { quiet } from '../embedded/apps.ts'
import { percentile, runsOfEach, summarize } from '../harness/measure.ts'
import { makeOrder, type Order, uncheckedOrder } from '../harness/orders.ts'
import type { Group, Row } from '../harness/suite.ts'
import type { WorkFolder } from '../harness/work-folder.ts'

const perRound = 1_500
/** Tasks of each app before it is the other one's turn: what slows the machine slows both. */
const perTurn = 50
/** Behind the one that is held. */
const followers = 1_000
const goalShare = 1.1
const heldOrder = makeOrder(0).orderId
/** One partition: everything is in that of the key that is held. */
const keyed = queue('keyed', { schema: uncheckedOrder, key: ({ orderId }) => orderId, partitions: 1 })

/** From send to handler of other keys in the same partition, while one key is held with a thousand tasks behind it. */
export const held: Group = {
  name: 'held',
  measure: async ({ folder }) => {
    const rounds: { readonly free: number; readonly held: number }[] = []
    for (let round = 0; round <= runsOfEach; round++) {
      const medians = await measureRound(folder)
      if (round > 0) rounds.push(medians)
    }
    const share = summarize(rounds.map(({ free, held }) => held / free))
    const row = (what: string, medians: readonly number[]): Row => ({ what, unit: 'ms', ...summarize(medians) })
    return [
      row(
        'send to handler, no key is held, p50',
        rounds.map(({ free }) => free),
      ),
      row(
        'send to handler of other keys, one key is held, p50',
        rounds.map(({ held }) => held),
      ),
      {
        what: 'the same, held beside free',
        unit: 'times',
        ...share,
        goal: { text: `≤ ${goalShare}`, met: share.value <= goalShare },
      },
    ]
  },
}

async function measureRound(folder: WorkFolder): Promise<{ readonly free: number; readonly held: number }> {
  await using free = await Keyed.start(folder)
  await using held = await Keyed.start(folder)
  await held.holdOneKey()
  const latencies: { readonly free: number[]; readonly held: number[] } = { free: [], held: [] }
  for (let number = 1; number < perRound; number += perTurn) {
    latencies.free.push(...(await free.sendSome(number)))
    latencies.held.push(...(await held.sendSome(number)))
  }
  return { free: medianOf(latencies.free), held: medianOf(latencies.held) }
}

class Keyed implements AsyncDisposable {
  readonly #app: App
  readonly #handled = new Map<string, () => void>()

  private constructor(app: App) {
    this.#app = app
  }

  static async start(folder: WorkFolder): Promise<Keyed> {
    const app = millrace('keyed', {
      url: `file:${folder.newPath('log')}`,
      ...quiet,
      logger: { ...quiet.logger, warn() {} },
    })
    const keyedApp = new Keyed(app)
    app.add(worker('workers', { from: keyed, on: { ORDER_CREATED: async (order) => keyedApp.#handle(order) } }))
    await app.start()
    return keyedApp
  }

  async holdOneKey(): Promise<void> {
    const failed = new Promise<void>((resolve) => this.#handled.set(heldOrder, resolve))
    await this.#app.send(keyed, makeOrder(0))
    await failed
    await Promise.all(Array.from({ length: followers }, () => this.#app.send(keyed, makeOrder(0))))
  }

  /** One at a time; returns their milliseconds. */
  async sendSome(from: number): Promise<number[]> {
    const latenciesMs: number[] = []
    for (let number = from; number < from + perTurn; number++) {
      const order = makeOrder(number)
      const handled = new Promise<number>((resolve) =>
        this.#handled.set(order.orderId, () => resolve(performance.now())),
      )
      const beganMs = performance.now()
      const sent = this.#app.send(keyed, order)
      latenciesMs.push((await handled) - beganMs)
      await sent
    }
    return latenciesMs
  }

  #handle({ orderId }: Order): void {
    this.#handled.get(orderId)?.()
    if (orderId === heldOrder) throw new RetryAfterError('1h')
    this.#handled.delete(orderId)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#app.stop()
  }
}

function medianOf(latenciesMs: number[]): number {
  return percentile(
    latenciesMs.sort((a, b) => a - b),
    0.5,
  )
}
