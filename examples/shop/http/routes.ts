import * as z from 'zod'
import type { Shop } from '../app.ts'
import { Id } from '../identifiers.ts'
import { amountOf } from '../order/money.ts'
import { NewTask } from '../tasks/new-task.ts'
import { deadLetterRoutes } from './dead-letter-routes.ts'
import { orderRoutes } from './order-routes.ts'
import { notFound, unavailable } from './problem.ts'
import type { Reply, Routes } from './router.ts'
import { readStats } from './stats.ts'
import { check, readQuery } from './validation.ts'

const OfOrder = z.strictObject({ orderId: Id })
const Stock = z.strictObject({
  stock: z.int('expected a whole number from 0').nonnegative('expected a whole number from 0'),
})

/** The HTTP API of the shop. */
export function createRoutes(shop: Shop): Routes {
  const { inventory, payment, notification, tasks } = shop
  const showHealth = () => healthOf(shop)
  return {
    ...orderRoutes(shop),
    ...deadLetterRoutes(shop),

    'GET /products': async () => ({ status: 200, body: { products: await inventory.listProducts() } }),
    'GET /products/:productId': async ({ params }) => ({
      status: 200,
      body: await inventory.findProduct(params.productId!),
    }),
    'PUT /products/:productId': async ({ params, readJson }) => {
      const { stock } = check(Stock, await readJson())
      return { status: 200, body: await inventory.setStock({ productId: params.productId!, stock }) }
    },

    'GET /payments': async ({ query }) => {
      const { orderId } = check(OfOrder, readQuery(query))
      const rows = await payment.listPayments([orderId])
      const payments = rows.map(({ amountCents, ...row }) => ({ ...row, amount: amountOf(amountCents) }))
      return { status: 200, body: { payments } }
    },
    'GET /notifications': async ({ query }) => {
      const { orderId } = check(OfOrder, readQuery(query))
      return { status: 200, body: { notifications: await notification.listNotifications([orderId]) } }
    },

    'POST /tasks': async ({ readJson }) => {
      const { id } = await tasks.submit(check(NewTask, await readJson()))
      return { status: 202, body: { id }, headers: { Location: `/tasks/${id}` } }
    },
    'GET /tasks/:id': async ({ params }) => {
      const task = await tasks.find(params.id!)
      if (task === undefined) throw notFound('id', `there is no task ${params.id}`)
      const { error, ...rest } = task
      return { status: 200, body: error === null ? rest : { ...rest, error } }
    },

    'GET /stats': async () => ({ status: 200, body: await readStats(shop), isForPeople: true }),

    'GET /livez': showHealth,
    'GET /readyz': showHealth,
    'GET /healthz': showHealth,
  }
}

function healthOf({ app }: Shop): Reply {
  const { status, reasons } = app.health()
  if (status === 'down') throw unavailable(reasons)
  return { status: 200, body: { status } }
}
