/** What users of commands get without an annotation, and the wrong uses that the compiler refuses at their place. */
import { millrace, type Position } from 'millrace'
import { command } from 'millrace/cqrs'
import { database, type Transaction } from 'millrace/sql'
import * as z from 'zod'
import { typeOf } from '../core/type-expectations.test-support.ts'
import { orderEvents, paid } from '../topics/order-events.test-support.ts'

interface Tables {
  payments: { order_id: string; amount: number }
}
const shop = database<Tables>('shop')
const app = millrace('types')
const pay = command('pay', {
  database: shop,
  input: z.object({ orderId: z.string(), amount: z.number().default(1) }),
  handle: async (input, { tx, publish, newId }) => {
    typeOf(input).is<{ orderId: string; amount: number }>()
    typeOf(tx).is<Transaction<Tables>>()
    publish(orderEvents, paid(input.orderId, newId()))
    return { paid: true }
  },
})
const handle = app.add(pay)
const done = await handle.execute({ orderId: '1' })
typeOf(done.result).is<{ paid: boolean }>()
typeOf(done.position).is<Position>()
typeOf(app.get(pay)).is<typeof handle>()

// @ts-expect-error: wrong input
handle.execute({ orderID: '1' })
// @ts-expect-error: a command has a database
command('c', { input: z.object({}), handle: () => 1 })
// @ts-expect-error: not a table of this database
command('c', { database: shop, input: z.object({}), handle: (_, { tx }) => tx.selectFrom('orders').execute() })
// @ts-expect-error: there is no record behind a command
command('c', { database: shop, input: z.object({}), handle: (_, { offset }) => offset })
