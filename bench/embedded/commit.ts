import { topic as defineTopic, millrace } from 'millrace'
import { BatchWriter } from '../../src/log/records/batch-writer.ts'
import { FsyncProbe } from '../harness/fsync-rate.ts'
import { ratesInTurns, repeat, summarize } from '../harness/measure.ts'
import { makeOrder, uncheckedOrder } from '../harness/orders.ts'
import type { BenchmarkContext, Group, Row } from '../harness/suite.ts'
import { formatNumber, formatShare } from '../harness/table.ts'
import type { WorkFolder } from '../harness/work-folder.ts'
import { quiet } from './apps.ts'
import { openEmptyLog, partitions, topic } from './logs.ts'

const width = 100
const goalShare = 0.7
const goalAtOnce = 100_000
const orders = defineTopic('orders', { schema: uncheckedOrder, key: ({ orderId }) => orderId })

interface Run {
  /** Fsyncs a second in the same run. */
  readonly overwrite: number
  readonly append: number
  readonly alone: number
  readonly atOnce: number
}

/** Single durable records, in turns with what the disk can do. */
export const commit: Group = {
  name: 'commit',
  measure: async (context) => {
    const log = await repeat(() => measureLog(context))
    const app = await repeat(() => measureApp(context))
    const all = [...log, ...app]
    return [
      { what: 'fsync of 4 KiB, overwritten', unit: 'fsyncs/s', ...summarize(all.map((run) => run.overwrite)) },
      { what: 'fsync of 4 KiB, appended', unit: 'fsyncs/s', ...summarize(all.map((run) => run.append)) },
      ...describe('append to the log', log),
      ...describe('app.publish', app),
    ]
  },
}

async function measureLog({ folder }: BenchmarkContext): Promise<Run> {
  await using log = await openEmptyLog(folder)
  const writer = new BatchWriter()
  let number = 0
  const append = () => {
    const order = makeOrder(number)
    writer.append({ timestampMs: Date.now(), key: order.orderId, value: JSON.stringify(order) })
    return log.commit({ batches: [{ topic, partition: number++ % partitions, batch: writer.finish() }] })
  }
  return await measureRun(folder, append)
}

async function measureApp({ folder }: BenchmarkContext): Promise<Run> {
  await using app = millrace('publisher', { url: `file:${folder.newPath('log')}`, ...quiet })
  await app.start()
  let number = 0
  return await measureRun(folder, () => app.publish(orders, makeOrder(number++)))
}

async function measureRun(folder: WorkFolder, append: () => Promise<unknown>): Promise<Run> {
  using probe = new FsyncProbe(folder)
  return await ratesInTurns({
    overwrite: { work: () => probe.overwrite() },
    append: { work: () => probe.append() },
    alone: { work: append },
    atOnce: { work: append, width },
  })
}

function describe(what: string, runs: readonly Run[]): readonly Row[] {
  const alone = summarize(runs.map((run) => run.alone))
  const atOnce = summarize(runs.map((run) => run.atOnce))
  const share = summarize(runs.map((run) => run.alone / run.overwrite)).value
  const fsyncs = formatNumber(summarize(runs.map((run) => run.overwrite)).value)
  return [
    {
      what: `${what}, one at a time`,
      unit: 'records/s',
      ...alone,
      note: `${formatShare(share, 1)} of ${fsyncs} fsyncs/s`,
      goal: { text: '70 % of fsyncs', met: share >= goalShare },
    },
    {
      what: `${what}, ${width} at once`,
      unit: 'records/s',
      ...atOnce,
      note: `beside ${fsyncs} fsyncs/s`,
      goal: { text: '100k', met: atOnce.value >= goalAtOnce },
    },
  ]
}
