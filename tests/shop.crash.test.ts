import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { RecordBatch } from '../src/log/records/record-batch.ts'

/**
 * The shop under load is killed with SIGKILL, again and again on the same files. Afterwards the files are read without
 * the runtime: every order that was acknowledged is there once, with everything that follows from it.
 */
const rounds = process.env.MILLRACE_LONG === '1' ? 200 : 10
const clients = 12
const mostOrdersARound = 120
const seed = Number(process.env.MILLRACE_SEED ?? Math.floor(Math.random() * 2 ** 31))
const main = join(import.meta.dirname, '..', 'examples', 'shop', 'main.ts')

let folder: string
let shop: ChildProcess | undefined
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-shop-'))
})
afterEach(async () => {
  if (shop?.exitCode === null && shop.signalCode === null) {
    shop.kill('SIGKILL')
    await once(shop, 'exit')
  }
  await rm(folder, { recursive: true, force: true })
})

describe('the shop', () => {
  it(
    `keeps every acknowledged order, with one of each thing that follows from it, when it is killed ${rounds} times`,
    async () => {
      console.log(`seed ${seed}`)
      const random = seededRandom(seed)
      const acknowledged = new Map<string, Order>()
      const unanswered: Order[] = []
      for (let round = 0; round < rounds; round++) {
        const url = await startShop()
        await load(url, { round, random, acknowledged, unanswered })
      }
      const url = await startShop()
      // Whatever got no answer is asked for again, as a client would: an order that was made answers 200.
      for (const order of unanswered) {
        expect([200, 201]).toContain(await place(url, order))
        acknowledged.set(order.orderId, order)
      }
      await untilDone(url)
      shop!.kill('SIGTERM')
      expect(await once(shop!, 'exit')).toEqual([0, null])
      check(acknowledged)
    },
    rounds * 15_000,
  )
})

interface Order {
  readonly orderId: string
  readonly userId: string
  readonly items: readonly { readonly productId: string; readonly quantity: number; readonly price: number }[]
}
interface Load {
  readonly round: number
  readonly random: () => number
  readonly acknowledged: Map<string, Order>
  readonly unanswered: Order[]
}

/** Clients place orders until the shop is killed, after a random number of answers. */
async function load(url: string, { round, random, acknowledged, unanswered }: Load): Promise<void> {
  let left = Math.floor(random() * mostOrdersARound)
  let next = 0
  const child = shop!
  const exited = once(child, 'exit')
  if (left === 0) child.kill('SIGKILL')
  const client = async () => {
    while (child.exitCode === null && child.signalCode === null && !child.killed) {
      const order = randomOrder(`order-${round}-${next++}`, random)
      try {
        expect(await place(url, order)).toBe(201)
        acknowledged.set(order.orderId, order)
        if (--left === 0) child.kill('SIGKILL')
      } catch (error) {
        if (error instanceof Error && error.name === 'AssertionError') throw error
        unanswered.push(order)
        return
      }
    }
  }
  await Promise.all(Array.from({ length: clients }, client))
  // Killed, and not ended by itself.
  expect(await exited).toEqual([null, 'SIGKILL'])
}

function randomOrder(orderId: string, random: () => number): Order {
  const items = Array.from({ length: 1 + Math.floor(random() * 3) }, () => ({
    productId: `product-${Math.floor(random() * 5)}`,
    quantity: 1 + Math.floor(random() * 3),
    price: Math.floor(random() * 10_000) / 100,
  }))
  return { orderId, userId: `user-${Math.floor(random() * 10)}`, items }
}

async function place(url: string, order: Order): Promise<number> {
  const headers = { 'content-type': 'application/json' }
  const answer = await fetch(`${url}/orders`, { method: 'POST', headers, body: JSON.stringify(order) })
  await answer.arrayBuffer()
  return answer.status
}

async function startShop(): Promise<string> {
  const port = await freePort()
  const { MILLRACE_URL: _log, DATABASE_URL: _database, ...env } = process.env
  const child = spawn(process.execPath, [main], {
    cwd: folder,
    env: { ...env, PORT: String(port) },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  shop = child
  let complaints = ''
  child.stderr.on('data', (text) => {
    complaints += text
  })
  const url = `http://127.0.0.1:${port}`
  await vi.waitFor(
    async () => {
      if (child.exitCode !== null) expect.fail(`the shop did not start: ${complaints}`)
      expect((await fetch(`${url}/readyz`)).status).toBe(200)
    },
    { timeout: 15_000, interval: 10 },
  )
  return url
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') expect.fail('a server on a port has a numbered address')
  return address.port
}

async function untilDone(url: string): Promise<void> {
  await vi.waitFor(
    async () => {
      const answer = await fetch(`${url}/stats`)
      const stats = (await answer.json()) as Record<string, number> & { groups: { group: string; lag: number }[] }
      expect(stats.groups.filter(({ lag }) => lag > 0)).toEqual([])
      expect([stats.reservations, stats.payments, stats.notifications]).toEqual(Array(3).fill(stats.orders))
    },
    { timeout: 30_000, interval: 20 },
  )
}

/** Reads the two files as they are, with SQLite and the record codec alone. */
function check(acknowledged: ReadonlyMap<string, Order>): void {
  using database = new DatabaseSync(join(folder, '.millrace', 'app.db'), { readOnly: true })
  const rows = (sql: string) => database.prepare(sql).all() as Record<string, string | number>[]
  const orders = new Set(rows('select order_id from orders').map(({ order_id }) => String(order_id)))
  for (const orderId of acknowledged.keys()) expect(orders).toContain(orderId)

  for (const table of ['reservations', 'payments', 'notifications']) {
    expect(sorted(rows(`select order_id from ${table}`).map(({ order_id }) => String(order_id)))).toEqual(
      sorted(orders),
    )
  }
  const reserved = rows('select product_id, reserved from products where reserved > 0 order by product_id')
  const wanted = rows(`select i.product_id, sum(i.quantity) as reserved from order_items i join reservations r
    on r.order_id = i.order_id and r.status = 'RESERVED' group by i.product_id order by i.product_id`)
  expect(reserved).toEqual(wanted)
  expect(rows('select count(*) as left_over from millrace_outbox')).toEqual([{ left_over: 0 }])

  expect(sorted(eventsOf('order-events', 'ORDER_CREATED'))).toEqual(sorted(orders))
  expect(sorted(eventsOf('payment-events', 'PAYMENT_TAKEN'))).toEqual(sorted(orders))
}

/** The order ids of all events of a type in a topic, as often as they are there. */
function eventsOf(topic: string, type: string): string[] {
  using log = new DatabaseSync(join(folder, '.millrace', 'shop.db'), { readOnly: true })
  const batches = log.prepare(
    `select bytes from batch where partition in
       (select p.number from partition p join topic t on t.number = p.topic where t.name = ?)`,
  )
  const found: string[] = []
  for (const { bytes } of batches.all(topic) as { bytes: Uint8Array }[]) {
    const records = RecordBatch.parse(bytes).records()
    while (records.next()) {
      const event = JSON.parse(records.valueText()!) as { type: string; orderId: string }
      if (event.type === type) found.push(event.orderId)
    }
  }
  return found
}

function sorted(texts: Iterable<string>): string[] {
  return [...texts].sort()
}

/** mulberry32: small, and the same for the same seed everywhere. */
function seededRandom(start: number): () => number {
  let state = start
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
