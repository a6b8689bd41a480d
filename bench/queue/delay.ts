import { millrace } from 'millrace'
import { queue, worker } from 'millrace/queue'
import { quiet } from '../embedded/apps.ts'
import { percentile, repeat, summarize } from '../harness/measure.ts'
import { makeOrder, type Order, uncheckedOrder } from '../harness/orders.ts'
import type { BenchmarkContext, Group, Row } from '../harness/suite.ts'
import { formatNumber } from '../harness/table.ts'

const delayMs = 100
const goalMs = 20
/** So many delayed tasks are sent every 5 ms, and beside them so many that are not delayed. */
const delayedPerTurn = 2
const plainPerTurn = 10
const turns = 400
const turnMs = 5
const reminders = queue('reminders', { schema: uncheckedOrder })
const plain = queue('plain', { schema: uncheckedOrder })

/** How late a delayed task begins, while another worker of the same process is busy with tasks that are not delayed. */
export const delay: Group = {
  name: 'delay',
  measure: async (context) => {
    const runs = await repeat(() => measureLateness(context))
    const row = (what: string, share: number): Row => {
      const figures = summarize(runs.map(({ tasks }) => percentile(tasks, share)))
      return { what: `lateness of a ${delayMs} ms delay, ${what}`, unit: 'ms', ...figures }
    }
    const slow = row('p99', 0.99)
    const timers = summarize(runs.map((run) => percentile(run.timers, 0.99)))
    const perSecond = (each: number) => formatNumber((each * 1000) / turnMs)
    return [
      {
        ...row('p50', 0.5),
        note: `${perSecond(delayedPerTurn)} delayed tasks/s beside ${perSecond(plainPerTurn)} others`,
      },
      { ...slow, goal: { text: `< ${goalMs}`, met: slow.value < goalMs } },
      row('the latest', 1),
      { what: `lateness of a setTimeout of ${delayMs} ms beside them, p99`, unit: 'ms', ...timers },
    ]
  },
}

/** Milliseconds, rising. */
interface Lateness {
  readonly tasks: readonly number[]
  /** Of timers without a task: the machine, and whatever keeps the event loop busy. */
  readonly timers: readonly number[]
}

async function measureLateness({ folder }: BenchmarkContext): Promise<Lateness> {
  const dueMs = new Map<string, number>()
  const latenessMs: number[] = []
  const timersMs: number[] = []
  let others = 0
  const punctual = worker('punctual', {
    from: reminders,
    on: {
      ORDER_CREATED: async ({ orderId }: Order) => {
        latenessMs.push(performance.now() - dueMs.get(orderId)!)
      },
    },
  })
  const busy = worker('busy', {
    from: plain,
    on: {
      ORDER_CREATED: async () => {
        others++
      },
    },
  })
  await using app = millrace('delays', { url: `file:${folder.newPath('log')}`, ...quiet })
  app.add(punctual, busy)
  await app.start()
  let number = 0
  const sent: Promise<unknown>[] = []
  const turn = () => {
    const timerDueMs = performance.now() + delayMs
    setTimeout(() => timersMs.push(performance.now() - timerDueMs), delayMs)
    for (let at = 0; at < plainPerTurn; at++) sent.push(app.send(plain, makeOrder(number++)))
    for (let at = 0; at < delayedPerTurn; at++) {
      const order = makeOrder(number++)
      dueMs.set(order.orderId, performance.now() + delayMs)
      sent.push(app.send(reminders, order, { delay: delayMs }))
    }
  }
  await runTurns(turn)
  await Promise.all(sent)
  const all = turns * delayedPerTurn
  const untilMs = performance.now() + 10_000
  while (latenessMs.length < all && performance.now() < untilMs) await new Promise((resolve) => setTimeout(resolve, 20))
  await app.settled()
  if (latenessMs.length !== all || others !== turns * plainPerTurn) {
    throw new Error(`${latenessMs.length} delayed tasks were done, of ${all}; ${others} others.`)
  }
  return { tasks: latenessMs.sort((a, b) => a - b), timers: timersMs.sort((a, b) => a - b) }
}

function runTurns(turn: () => void): Promise<void> {
  return new Promise((resolve) => {
    let left = turns
    const timer = setInterval(() => {
      turn()
      if (--left > 0) return
      clearInterval(timer)
      resolve()
    }, turnMs)
  })
}
