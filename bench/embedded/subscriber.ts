import { millrace, topic } from 'millrace'
import { batchSubscriber, subscriber as defineSubscriber } from 'millrace/pubsub'
import { checkedOrder } from '../harness/checked-order.ts'
import { rateOf, repeat, summarize } from '../harness/measure.ts'
import { makeOrders, uncheckedOrder } from '../harness/orders.ts'
import type { Group } from '../harness/suite.ts'
import { quiet } from './apps.ts'

const records = 200_000
type Orders = typeof unchecked | typeof checked
const unchecked = topic('orders', { schema: uncheckedOrder, key: ({ orderId }) => orderId })
const checked = topic('orders', { schema: checkedOrder, key: ({ orderId }) => orderId })

/** A new group over a topic that is full: JSON.parse, lanes by key, handler, commit; until `settled`. */
export const subscriber: Group = {
  name: 'subscriber',
  measure: async ({ folder }) => {
    const url = `file:${folder.newPath('log')}`
    await fill(url)
    let group = 0
    const batchRates = async (size: number) =>
      summarize(await repeat(() => measureBatches(url, { group: `batches-${++group}`, size })))
    const rates = async (from: Orders, on: () => void | Promise<void>) =>
      summarize(await repeat(() => measureRate(url, { group: `group-${++group}`, from, on })))
    return [
      { what: 'subscriber, handler returns nothing', unit: 'records/s', ...(await rates(unchecked, () => {})) },
      { what: 'subscriber, async handler', unit: 'records/s', ...(await rates(unchecked, async () => {})) },
      { what: 'subscriber, zod schema', unit: 'records/s', ...(await rates(checked, () => {})) },
      { what: 'batchSubscriber, batches of 100, async handler', unit: 'records/s', ...(await batchRates(100)) },
      { what: 'batchSubscriber, batches of 1,000, async handler', unit: 'records/s', ...(await batchRates(1_000)) },
    ]
  },
}

async function fill(url: string): Promise<void> {
  await using app = millrace('publisher', { url, ...quiet })
  await app.publishAll(unchecked, makeOrders(records))
}

async function measureRate(
  url: string,
  { group, from, on }: { readonly group: string; readonly from: Orders; readonly on: () => void | Promise<void> },
): Promise<number> {
  let handled = 0
  const handle = () => {
    handled++
    return on()
  }
  await using app = millrace('subscriber', { url, ...quiet })
  app.add(defineSubscriber(group, { from, on: handle }))
  const rate = await rateOf(records, async () => {
    await app.start()
    await app.settled()
  })
  if (handled !== records) throw new Error(`${handled} records were handled, of ${records}.`)
  return rate
}

async function measureBatches(
  url: string,
  { group, size }: { readonly group: string; readonly size: number },
): Promise<number> {
  let handled = 0
  const on = async (items: { readonly length: number }) => {
    handled += items.length
  }
  await using app = millrace('subscriber', { url, ...quiet })
  app.add(batchSubscriber(group, { from: unchecked, batch: { size }, on }))
  const rate = await rateOf(records, async () => {
    await app.start()
    await app.settled()
  })
  if (handled !== records) throw new Error(`${handled} records were handled, of ${records}.`)
  return rate
}
