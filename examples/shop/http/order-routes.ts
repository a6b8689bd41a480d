import * as z from 'zod'
import type { Shop } from '../app.ts'
import { NewOrder } from '../order/new-order.ts'
import type { Place } from '../order/orders.ts'
import { readCursor, writeCursor } from './cursor.ts'
import { showOrder, showProgress } from './order-views.ts'
import { notFound, Problem } from './problem.ts'
import type { Routes } from './router.ts'
import { check, readQuery } from './validation.ts'

export function orderRoutes(shop: Shop) {
  return {
    'POST /orders': async ({ readJson }) => {
      const creation = await shop.order.create(check(NewOrder, await readJson()))
      const { orderId } = creation.order
      if (creation.outcome === 'conflicting') {
        const message = `is not what order ${orderId} was created with`
        throw new Problem(
          'order-conflict',
          creation.differences.map((path) => ({ path, message })),
        )
      }
      const status = creation.outcome === 'created' ? 201 : 200
      return { status, body: showOrder(creation.order), headers: { Location: `/orders/${orderId}` } }
    },

    'GET /orders/:orderId': async ({ params }) => {
      const order = await shop.order.find(params.orderId!)
      if (order === undefined) throw notFound('orderId', `there is no order ${params.orderId}`)
      const [body] = await showProgress(shop, [order])
      return { status: 200, body: body! }
    },

    'GET /users/:userId/orders': async ({ params, query }) => {
      const userId = params.userId!
      const { limit, cursor: after } = check(pageOf(userId), readQuery(query))
      const { orders, next } = await shop.order.listOfUser({ userId, limit, after })
      const nextCursor = next && writeCursor(userId, next)
      return { status: 200, body: { orders: await showProgress(shop, orders), nextCursor } }
    },
  } satisfies Routes
}

const Limit = z
  .string()
  .regex(/^([1-9]\d?|100)$/, 'expected a whole number from 1 to 100')
  .transform(Number)

function pageOf(userId: string) {
  const Cursor = z.string().transform((text, { addIssue }): Place | undefined => {
    const place = readCursor(userId, text)
    if (place === undefined) addIssue('expected the nextCursor of an earlier answer for this user')
    return place
  })
  return z.strictObject({ limit: Limit.default(20), cursor: Cursor.optional() })
}
