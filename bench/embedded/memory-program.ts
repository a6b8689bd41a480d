/** `node memory-program.ts <file> <records>`: records pass through one process, which then tells how much memory it took. */
import { getHeapSpaceStatistics } from 'node:v8'
import { millrace, topic } from 'millrace'
import { subscriber } from 'millrace/pubsub'
import { makeOrders, uncheckedOrder } from '../harness/orders.ts'
import { quiet } from './apps.ts'

/** What was seen. */
export interface Passed {
  /** Resident memory at its highest. */
  readonly peakMb: number
  /** V8's young generation at the end, which never shrinks under load. */
  readonly youngMb: number
  /** Records a second, published and handled. */
  readonly rate: number
}

const [path, count] = process.argv.slice(2)
const records = Number(count)
const orders = topic('orders', { schema: uncheckedOrder, key: ({ orderId }) => orderId })
let handled = 0
const counter = subscriber('counter', {
  from: orders,
  on: () => {
    handled++
  },
})
await using app = millrace('memory', { url: `file:${path}`, ...quiet })
app.add(counter)
await app.start()
const beganMs = performance.now()
await app.publishAll(orders, makeOrders(records))
await app.settled({ timeout: '10m' })
const rate = (records / (performance.now() - beganMs)) * 1000
if (handled !== records) throw new Error(`${handled} records were handled, of ${records}.`)
const young = getHeapSpaceStatistics().find(({ space_name: name }) => name === 'new_space')
// The system counts in KiB.
const passed: Passed = {
  peakMb: (process.resourceUsage().maxRSS * 1024) / 1e6,
  youngMb: (young?.physical_space_size ?? 0) / 1e6,
  rate,
}
process.send?.(passed)
