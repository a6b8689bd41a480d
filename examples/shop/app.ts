import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { App } from 'millrace'
import { addDeadLetterService } from './dead-letters/service.ts'
import { addInventoryService } from './inventory/service.ts'
import { addNotificationService } from './notification/service.ts'
import { addOrderService } from './order/service.ts'
import { addPaymentService } from './payment/service.ts'
import { SentMail } from './tasks/sent-mail.ts'
import { addTaskService } from './tasks/service.ts'

export interface ShopOptions {
  readonly sentMailPath?: string | undefined
  /** False takes the poison out of products whose id begins with `poison-`. */
  readonly isPoisonOn?: boolean
}

/** The order system: five services in one app. They share the log and nothing else; each has tables of its own. */
export function createShop(app: App, { sentMailPath, isPoisonOn = true }: ShopOptions = {}) {
  const order = addOrderService(app)
  const inventory = addInventoryService(app, { isPoisonOn })
  const payment = addPaymentService(app)
  const notification = addNotificationService(app)
  const tasks = addTaskService(app, new SentMail(sentMailPath))
  return {
    app,
    order,
    inventory,
    payment,
    notification,
    tasks,
    deadLetters: addDeadLetterService(app),
  }
}
export type Shop = ReturnType<typeof createShop>

/** The shop's log is its own: other programs in the folder have topics and groups of the same names in the default one. */
export function logOptionsOf({ MILLRACE_URL }: NodeJS.ProcessEnv): { readonly url?: string } {
  return MILLRACE_URL ? {} : { url: 'file:.millrace/shop.db' }
}

/** The file of sent mail belongs to the database and is beside it; a database in memory has none. */
export function sentMailPathOf(databaseUrl = process.env.DATABASE_URL || 'file:.millrace/app.db'): string | undefined {
  if (databaseUrl.startsWith('file:///')) return join(dirname(fileURLToPath(databaseUrl)), 'sent-mail.jsonl')
  if (databaseUrl.startsWith('file:')) return join(dirname(databaseUrl.slice('file:'.length)), 'sent-mail.jsonl')
  return undefined
}
