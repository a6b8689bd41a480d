/**
 * A process beside others on one log. Arguments: the path of the log; `publish`, how many orders, one at a time with a
 * pause between; or `append`, how many records, a hundred on their way at once. Sends its rate when it has ended.
 */
import { millrace, topic } from 'millrace'
import { openEmbeddedLog } from '../../src/log/embedded/index.ts'
import { BatchWriter } from '../../src/log/records/batch-writer.ts'
import { rateOf } from '../harness/measure.ts'
import { makeOrder, uncheckedOrder } from '../harness/orders.ts'
import { quiet } from './apps.ts'
import { partitions, topic as topicName } from './logs.ts'

const [path = '', role = '', text = '0'] = process.argv.slice(2)
const count = Number(text)
const inFlight = 100

/** The clock that all processes of a machine share. */
const nowMs = () => Number(process.hrtime.bigint()) / 1e6

async function publish(): Promise<void> {
  const orders = topic('orders', { schema: uncheckedOrder, key: ({ orderId }) => orderId })
  await using app = millrace('publisher', { url: `file:${path}`, ...quiet })
  for (let number = 0; number < count; number++) {
    // No step with the handler's looks at the file.
    await new Promise((resolve) => setTimeout(resolve, 1 + Math.random() * 10))
    await app.publish(orders, { ...makeOrder(number), orderedAt: String(nowMs()) })
  }
}

async function append(): Promise<void> {
  await using log = await openEmbeddedLog({ path })
  const writer = new BatchWriter()
  let left = count
  const appender = async () => {
    while (left > 0) {
      const order = makeOrder(left--)
      writer.append({ timestampMs: 1_767_225_600_000, key: order.orderId, value: JSON.stringify(order) })
      await log.commit({ batches: [{ topic: topicName, partition: left % partitions, batch: writer.finish() }] })
    }
  }
  await Promise.all(Array.from({ length: inFlight }, appender))
}

const rate = await rateOf(count, role === 'publish' ? publish : append)
process.send?.(rate)
// The parent measures until the channel is closed.
process.disconnect?.()
