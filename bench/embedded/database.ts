import { millrace, topic } from 'millrace'
import { command } from 'millrace/cqrs'
import { batchSubscriber, subscriber } from 'millrace/pubsub'
import { type Database, database as defineDatabase } from 'millrace/sql'
import { FsyncProbe } from '../harness/fsync-rate.ts'
import { rateOf, ratesInTurns, repeat, summarize } from '../harness/measure.ts'
import { makeOrder, makeOrders, uncheckedOrder } from '../harness/orders.ts'
import type { BenchmarkContext, Group, Row } from '../harness/suite.ts'
import { formatNumber, formatShare } from '../harness/table.ts'
import type { WorkFolder } from '../harness/work-folder.ts'
import { quiet } from './apps.ts'

const records = 10_000
const width = 50
const orders = topic('orders', { schema: uncheckedOrder, key: ({ orderId }) => orderId })

interface Tables {
  orders: { order_id: string; total_cents: number }
}

/** What commits in a database: a row, the checkpoint or the outbox, in one transaction for each record or command. */
export const database: Group = {
  name: 'database',
  measure: async (context) => {
    const rates = await repeat(() => measureSubscriber(context, project))
    const batchRates = await repeat(() => measureSubscriber(context, projectBatches))
    return [
      { what: 'subscriber with database, one insert', unit: 'records/s', ...summarize(rates) },
      { what: 'batchSubscriber with database, one insert for 100', unit: 'records/s', ...summarize(batchRates) },
      ...(await measureCommands(context)),
    ]
  },
}

const project = (tables: Database<Tables>) =>
  subscriber('projection', {
    from: orders,
    database: tables,
    on: async ({ orderId }, { tx }) => {
      await tx.insertInto('orders').values({ order_id: orderId, total_cents: 24_997 }).execute()
    },
  })
const projectBatches = (tables: Database<Tables>) =>
  batchSubscriber('projection', {
    from: orders,
    database: tables,
    batch: { size: 100 },
    on: async (items, { tx }) => {
      const rows = items.map(({ event: { orderId } }) => ({ order_id: orderId, total_cents: 24_997 }))
      await tx.insertInto('orders').values(rows).execute()
    },
  })

async function measureSubscriber(
  { folder }: BenchmarkContext,
  define: (tables: Database<Tables>) => ReturnType<typeof project>,
): Promise<number> {
  const tables = defineTables(folder.newPath('app'))
  const projection = define(tables)
  await using app = millrace('subscriber', { url: `file:${folder.newPath('log')}`, ...quiet })
  const [db] = app.add(tables, projection)
  await app.publishAll(orders, makeOrders(records))
  const rate = await rateOf(records, async () => {
    await app.start()
    await app.settled()
  })
  const { length } = await db.selectFrom('orders').select('order_id').execute()
  if (length !== records) throw new Error(`${length} rows were written, of ${records}.`)
  return rate
}

/** Each inserts a row and publishes an event, and is durable when it resolves; the relay's own fsyncs come beside it. */
async function measureCommands({ folder }: BenchmarkContext): Promise<readonly Row[]> {
  const runs = await repeat(() => measureCommand(folder))
  const fsyncs = formatNumber(summarize(runs.map((run) => run.fsyncs)).value)
  const describe = (how: string, rateIn: (run: CommandRun) => number): Row => {
    const share = summarize(runs.map((run) => rateIn(run) / run.fsyncs)).value
    const note = `${formatShare(share, 1)} of ${fsyncs} fsyncs/s`
    const what = `command, insert and publish, ${how}`
    return { what, unit: 'commands/s', ...summarize(runs.map(rateIn)), note }
  }
  return [describe('one at a time', (run) => run.alone), describe(`${width} at once`, (run) => run.atOnce)]
}

interface CommandRun {
  readonly fsyncs: number
  readonly alone: number
  readonly atOnce: number
}

async function measureCommand(folder: WorkFolder): Promise<CommandRun> {
  const tables = defineTables(folder.newPath('app'))
  const createOrder = command('create-order', {
    database: tables,
    input: uncheckedOrder,
    handle: async (order, { tx, publish }) => {
      await tx.insertInto('orders').values({ order_id: order.orderId, total_cents: 24_997 }).execute()
      publish(orders, order)
    },
  })
  await using app = millrace('commands', { url: `file:${folder.newPath('log')}`, ...quiet })
  const create = app.add(createOrder)
  await app.start()
  let number = 0
  const execute = () => create.execute(makeOrder(number++))
  using probe = new FsyncProbe(folder)
  return await ratesInTurns({
    fsyncs: { work: () => probe.overwrite() },
    alone: { work: execute },
    atOnce: { work: execute, width },
  })
}

function defineTables(path: string): Database<Tables> {
  return defineDatabase<Tables>('orders', {
    url: `file:${path}`,
    migrations: {
      '001-orders': {
        up: async (db) => {
          const table = db.schema.createTable('orders').addColumn('order_id', 'text', (column) => column.primaryKey())
          await table.addColumn('total_cents', 'integer').execute()
        },
      },
    },
  })
}
