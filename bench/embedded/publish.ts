import { millrace, topic } from 'millrace'
import { checkedOrder } from '../harness/checked-order.ts'
import { rateOf, repeat, summarize } from '../harness/measure.ts'
import { makeOrder, uncheckedOrder } from '../harness/orders.ts'
import type { BenchmarkContext, Group } from '../harness/suite.ts'
import { quiet } from './apps.ts'

const records = 200_000
const goalRate = 350_000
const unchecked = topic('unchecked', { schema: uncheckedOrder, key: ({ orderId }) => orderId })
const checked = topic('checked', { schema: checkedOrder, key: ({ orderId }) => orderId })

/** Objects through `publishAll`: check, JSON, id, key and partition of each. */
export const publish: Group = {
  name: 'publish',
  measure: async (context) => {
    const without = summarize(await publishRates(context, unchecked))
    const withCheck = summarize(await publishRates(context, checked))
    return [
      {
        what: 'append objects, any schema (publishAll)',
        unit: 'records/s',
        ...without,
        goal: { text: '350k', met: without.value >= goalRate },
      },
      { what: 'append objects, zod schema (publishAll)', unit: 'records/s', ...withCheck },
    ]
  },
}

async function publishRates(
  { folder }: BenchmarkContext,
  to: typeof unchecked | typeof checked,
): Promise<readonly number[]> {
  const orders = Array.from({ length: records }, (_, number) => makeOrder(number))
  return await repeat(async () => {
    await using app = millrace('publisher', { url: `file:${folder.newPath('log')}`, ...quiet })
    await app.start()
    return await rateOf(records, async () => void (await app.publishAll(to, orders)))
  })
}
