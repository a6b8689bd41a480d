import { millrace, topic } from 'millrace'
import { subscriber } from 'millrace/pubsub'
import { percentile, repeat, summarize } from '../harness/measure.ts'
import { makeOrder, uncheckedOrder } from '../harness/orders.ts'
import type { BenchmarkContext, Group } from '../harness/suite.ts'
import { quiet } from './apps.ts'

const records = 3_000
const goalMs = 1
const orders = topic('orders', { schema: uncheckedOrder, key: ({ orderId }) => orderId })

/** From the call of `publish` to the handler of the same process, the record durable in between; one at a time. */
export const latency: Group = {
  name: 'latency',
  measure: async (context) => {
    const runs = await repeat(() => measureLatencies(context))
    const median = summarize(runs.map((sorted) => percentile(sorted, 0.5)))
    const slow = summarize(runs.map((sorted) => percentile(sorted, 0.99)))
    return [
      { what: 'publish to handler, p50', unit: 'ms', ...median, goal: { text: '< 1', met: median.value < goalMs } },
      { what: 'publish to handler, p99', unit: 'ms', ...slow },
    ]
  },
}

/** Milliseconds, rising. */
async function measureLatencies({ folder }: BenchmarkContext): Promise<number[]> {
  let handled = () => {}
  const reader = subscriber('latency', { from: orders, on: () => handled() })
  await using app = millrace('latency', { url: `file:${folder.newPath('log')}`, ...quiet })
  app.add(reader)
  await app.start()
  const latenciesMs: number[] = []
  for (let number = 0; number < records; number++) {
    const { promise, resolve } = Promise.withResolvers<number>()
    handled = () => resolve(performance.now())
    const beganMs = performance.now()
    const published = app.publish(orders, makeOrder(number))
    latenciesMs.push((await promise) - beganMs)
    await published
  }
  return latenciesMs.sort((a, b) => a - b)
}
