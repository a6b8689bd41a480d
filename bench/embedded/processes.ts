import { join } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { millrace, topic } from 'millrace'
import { subscriber } from 'millrace/pubsub'
import { runChild } from '../harness/child.ts'
import { percentile, repeat, summarize } from '../harness/measure.ts'
import { uncheckedOrder } from '../harness/orders.ts'
import type { BenchmarkContext, Group, Row } from '../harness/suite.ts'
import { quiet } from './apps.ts'
import { encodeOrders, openEmptyLog, partitions, topic as topicName } from './logs.ts'

const program = join(import.meta.dirname, 'processes-program.ts')
const published = 400
const appended = 60_000
const goalLatencyMs = 20
const goalBlockMs = 100
const orders = topic('orders', { schema: uncheckedOrder, key: ({ orderId }) => orderId })

/** Several processes on one file. */
export const processes: Group = {
  name: 'processes',
  measure: async (context) => [
    ...(await measureLatency(context)),
    ...(await measureThroughput(context)),
    ...(await measureBlocks(context)),
  ],
}

/** From the call of `publish` in one process to the handler in another. */
async function measureLatency({ folder }: BenchmarkContext): Promise<readonly Row[]> {
  const runs = await repeat(async () => {
    const path = folder.newPath('log')
    const latenciesMs: number[] = []
    await using app = millrace('handler', { url: `file:${path}`, ...quiet })
    app.add(
      subscriber('latency', {
        from: orders,
        on: ({ orderedAt }) => void latenciesMs.push(Number(process.hrtime.bigint()) / 1e6 - Number(orderedAt)),
      }),
    )
    await app.start()
    await runChild(program, { parameters: [path, 'publish', String(published)] })
    await app.settled()
    return latenciesMs.sort((a, b) => a - b)
  })
  const median = summarize(runs.map((sorted) => percentile(sorted, 0.5)))
  const slow = summarize(runs.map((sorted) => percentile(sorted, 0.99)))
  const met = median.value < goalLatencyMs
  return [
    { what: 'publish to handler in another process, p50', unit: 'ms', ...median, goal: { text: '< 20', met } },
    { what: 'publish to handler in another process, p99', unit: 'ms', ...slow },
  ]
}

/** Records that one process, and three at once, append: a hundred on their way in each. */
async function measureThroughput({ folder }: BenchmarkContext): Promise<readonly Row[]> {
  const rows: Row[] = []
  for (const count of [1, 3]) {
    const shares: number[] = []
    const rates = await repeat(async () => {
      const log = await openEmptyLog(folder)
      const path = log.location.slice('file:'.length)
      const each = Math.round(appended / count)
      const parameters = [path, 'append', String(each)]
      const answers = await Promise.all(Array.from({ length: count }, () => runChild<number>(program, { parameters })))
      await log.close()
      shares.push(Math.min(...answers) / Math.max(...answers))
      return answers.reduce((total, rate) => total + rate, 0)
    })
    const fairness = Math.round(Math.min(...shares) * 100)
    const note = count === 1 ? undefined : `the slowest had at least ${fairness} % of the rate of the fastest`
    const what = `append, 100 at once in each of ${count} ${count === 1 ? 'process' : 'processes'}`
    rows.push({ what, unit: 'records/s', ...summarize(rates), ...(note !== undefined && { note }) })
  }
  return rows
}

/**
 * What two processes that write as fast as they can do to a third, which appends a record now and then: first on a log of
 * their own, which shows what the machine does to it, then on the same one.
 */
async function measureBlocks({ folder }: BenchmarkContext): Promise<readonly Row[]> {
  const rows: Row[] = []
  for (const shares of [false, true]) {
    const runs = await repeat(() => measureBesideWriters(folder, shares))
    const beside = shares ? 'beside two writers of the same log' : 'beside two writers of another log'
    const blocks = summarize(runs.map(({ blockMs }) => blockMs))
    const goal = { text: '< 100', met: blocks.highest < goalBlockMs }
    rows.push({ what: `longest block of the event loop ${beside}`, unit: 'ms', ...blocks, ...(shares && { goal }) })
    rows.push({ what: `longest commit ${beside}`, unit: 'ms', ...summarize(runs.map(({ commitMs }) => commitMs)) })
  }
  return rows
}

async function measureBesideWriters(
  folder: BenchmarkContext['folder'],
  shares: boolean,
): Promise<{ readonly blockMs: number; readonly commitMs: number }> {
  const [batch] = encodeOrders(1)
  await using log = await openEmptyLog(folder)
  await using other = await openEmptyLog(folder)
  const parameters = [(shares ? log : other).location.slice('file:'.length), 'append', String(appended)]
  let isWriting = true
  const writers = Promise.all([1, 2].map(() => runChild<number>(program, { parameters }))).finally(() => {
    isWriting = false
  })
  const delay = monitorEventLoopDelay({ resolution: 1 })
  delay.enable()
  let commitMs = 0
  while (isWriting) {
    const beganMs = performance.now()
    await log.commit({ batches: [{ topic: topicName, partition: partitions - 1, batch: batch! }] })
    commitMs = Math.max(commitMs, performance.now() - beganMs)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  delay.disable()
  await writers
  return { blockMs: delay.max / 1e6, commitMs }
}
