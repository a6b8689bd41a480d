import { BatchWriter, type EncodedBatch } from '../../src/log/records/batch-writer.ts'
import { rateOf, repeat, summarize } from '../harness/measure.ts'
import { makeOrder } from '../harness/orders.ts'
import type { BenchmarkContext, Group, Row } from '../harness/suite.ts'
import { commitAll, encodeOrders, openEmptyLog } from './logs.ts'

const records = 300_000
const goalRate = 800_000

/** Records into the log by itself, without topics' schemas and ids. */
export const append: Group = {
  name: 'append',
  measure: async (context) => [await appendEncoded(context), await encodeAndAppend(context)],
}

async function appendEncoded({ folder }: BenchmarkContext): Promise<Row> {
  const rates = await repeat(async () => {
    const batches = encodeOrders(records)
    await using log = await openEmptyLog(folder)
    return await rateOf(records, () => commitAll(log, batches))
  })
  const figures = summarize(rates)
  const goal = { text: '800k', met: figures.value >= goalRate }
  return { what: 'append encoded batches of 1,000', unit: 'records/s', ...figures, goal }
}

async function encodeAndAppend({ folder }: BenchmarkContext): Promise<Row> {
  const values = Array.from({ length: 100_000 }, (_, number) => Buffer.from(JSON.stringify(makeOrder(number))))
  const keys = Array.from({ length: 100_000 }, (_, number) => makeOrder(number).orderId)
  function* encode(): Generator<EncodedBatch> {
    const writer = new BatchWriter()
    for (let number = 0; number < records; number++) {
      const at = number % values.length
      writer.append({ timestampMs: 1_767_225_600_000 + number, key: keys[at]!, value: values[at]! })
      if (writer.count === 1_000) yield writer.finish()
    }
  }
  const rates = await repeat(async () => {
    await using log = await openEmptyLog(folder)
    return await rateOf(records, () => commitAll(log, encode()))
  })
  return { what: 'append records, value as bytes', unit: 'records/s', ...summarize(rates) }
}
