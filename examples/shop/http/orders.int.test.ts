import { describe, expect, it } from 'vitest'
import { openShop, order } from '../shop.test-support.ts'

const created = { orderId: 'o-1', ...order, totalAmount: 249.97, status: 'CREATED' }
const errorPaths = (body: Record<string, unknown>) => (body.errors as { path: string }[]).map(({ path }) => path)

describe('POST /orders', () => {
  it('creates an order that is readable at once', async () => {
    await using shop = await openShop()
    const answer = await shop.call('POST /orders', { body: { orderId: 'o-1', ...order, totalAmount: 249.97 } })
    expect(answer).toMatchObject({ status: 201, body: created })
    expect(answer.headers).toMatchObject({ location: '/orders/o-1', 'content-type': 'application/json' })
    expect(Object.keys(answer.body).toSorted()).toEqual(Object.keys(created).toSorted())
    expect((await shop.call('GET /orders/o-1')).body).toMatchObject({
      ...created,
      createdAt: '2026-01-01T00:00:00.000Z',
    })
  })

  it('gives an order without an id a new one', async () => {
    await using shop = await openShop()
    const one = await shop.call('POST /orders', { body: order })
    const two = await shop.call('POST /orders', { body: order })
    expect([one.status, two.status]).toEqual([201, 201])
    expect(one.body.orderId).toMatch(/^[A-Za-z0-9._-]{1,128}$/)
    expect(two.body.orderId).not.toBe(one.body.orderId)
    expect((await shop.call(`GET ${one.headers.location}`)).body.orderId).toBe(one.body.orderId)
  })

  it('answers the same content under the same id with the same body, and makes nothing twice', async () => {
    await using shop = await openShop()
    const body = { orderId: 'o-1', ...order, orderedAt: '1997-01-01' }
    const first = await shop.call('POST /orders', { body })
    const again = [body, { ...body, totalAmount: 249.97 }, { ...body, orderedAt: '1997-01-01T01:00:00+01:00' }]
    const { orderedAt: _, ...undated } = body
    for (const same of [...again, undated]) {
      expect(await shop.call('POST /orders', { body: same })).toMatchObject({ status: 200, text: first.text })
    }
    await shop.app.settled()
    expect((await shop.call('GET /stats')).body).toMatchObject({ orders: 1, payments: 1, reservations: 1 })
  })

  it('creates one of many that come at once with the same id', async () => {
    await using shop = await openShop()
    const calls = Array.from({ length: 20 }, () => shop.call('POST /orders', { body: { orderId: 'o-1', ...order } }))
    const statuses = (await Promise.all(calls)).map(({ status }) => status)
    expect(statuses.toSorted()).toEqual([...Array(19).fill(200), 201])
  })

  it.each([
    [{ userId: 'user-2' }, ['userId']],
    [{ items: order.items.toReversed() }, ['items']],
    [{ items: order.items.slice(1) }, ['items']],
    [{ items: [{ ...order.items[0], quantity: 3 }, order.items[1]] }, ['items']],
    [{ items: [{ ...order.items[0], price: 99.991 }, order.items[1]] }, ['items']],
    [{ orderedAt: '1997-01-02', userId: 'x' }, ['userId', 'orderedAt']],
  ])('refuses other content under the same id: %j', async (change, paths) => {
    await using shop = await openShop()
    const body = { orderId: 'o-1', ...order, orderedAt: '1997-01-01' }
    await shop.call('POST /orders', { body })
    const answer = await shop.call('POST /orders', { body: { ...body, ...change } })
    expect(answer).toMatchObject({ status: 409, body: { type: '/problems/order-conflict', status: 409 } })
    expect(answer.headers['content-type']).toBe('application/problem+json')
    expect(errorPaths(answer.body)).toEqual(paths)
    expect((await shop.call('GET /orders/o-1')).body).toMatchObject(created)
  })

  it('reports all faults at once and creates nothing', async () => {
    await using shop = await openShop()
    const body = { userId: 'user 1', items: [{ productId: 'p', quantity: 0, price: -1, extra: 1 }], note: '' }
    const answer = await shop.call('POST /orders', { body })
    expect(answer).toMatchObject({
      status: 400,
      body: { type: '/problems/invalid-request', title: expect.any(String) },
    })
    expect(errorPaths(answer.body).toSorted()).toEqual([
      'items.0.extra',
      'items.0.price',
      'items.0.quantity',
      'note',
      'userId',
    ])
    expect((await shop.call('GET /stats')).body).toMatchObject({ orders: 0 })
  })

  it('keeps prices as they are given and rounds the total once', async () => {
    await using shop = await openShop()
    const items = [
      { productId: 'cd', quantity: 2, price: 14.665 },
      { productId: 'cd', quantity: 3, price: 0.001 },
      { productId: 'gift', quantity: 1, price: 0 },
    ]
    const answer = await shop.call('POST /orders', { body: { orderId: 'o-1', userId: 'u', items } })
    expect(answer.body).toMatchObject({ items, totalAmount: 29.33 })
    await shop.app.settled()
    const read = await shop.call('GET /orders/o-1')
    expect(read.body).toMatchObject({ items, totalAmount: 29.33, payment: { amount: 29.33 } })
  })

  it('takes a thousand items', async () => {
    await using shop = await openShop()
    const items = Array.from({ length: 1_000 }, (_, at) => ({ productId: `p-${at}`, quantity: at + 1, price: 0.01 }))
    const answer = await shop.call('POST /orders', { body: { orderId: 'o-1', userId: 'u', items } })
    expect(answer).toMatchObject({ status: 201, body: { items, totalAmount: 5_005 } })
    await shop.app.settled()
    expect((await shop.call('GET /orders/o-1')).body).toMatchObject({ reservation: 'RESERVED' })
  })
})

describe('GET /orders/:id', () => {
  it('shows what the services have done so far', async () => {
    const opened = Promise.withResolvers<void>()
    await using shop = await openShop({ middleware: (_, next) => opened.promise.then(next) })
    await shop.call('POST /orders', { body: { orderId: 'o-1', ...order } })
    const open = { reservation: null, payment: null, notified: false }
    expect((await shop.call('GET /orders/o-1')).body).toMatchObject(open)
    opened.resolve()
    await shop.app.settled()
    const { body } = await shop.call('GET /orders/o-1')
    expect(body).toEqual({
      ...created,
      createdAt: '2026-01-01T00:00:00.000Z',
      reservation: 'RESERVED',
      payment: { paymentId: expect.stringMatching(/^payment-./), amount: 249.97 },
      notified: true,
    })
  })

  it('knows no order that nobody created', async () => {
    await using shop = await openShop()
    const answer = await shop.call('GET /orders/nobody')
    expect(answer).toMatchObject({ status: 404, body: { type: '/problems/not-found', status: 404 } })
    expect(errorPaths(answer.body)).toEqual(['orderId'])
  })
})

describe('GET /users/:id/orders', () => {
  it('lists newest first, and goes on with the cursor', async () => {
    await using shop = await openShop()
    const dates = ['1997-01-03', '1997-01-01', '1997-01-02', '1997-01-03', '1997-01-01']
    for (const [at, orderedAt] of dates.entries()) {
      await shop.call('POST /orders', { body: { orderId: `o-${at}`, ...order, orderedAt } })
    }
    await shop.call('POST /orders', { body: { orderId: 'other', ...order, userId: 'user-2' } })
    await shop.app.settled()

    const seen: unknown[] = []
    let cursor = ''
    for (let page = 0; page < 3; page++) {
      const { status, body } = await shop.call(`GET /users/user-1/orders?limit=2${cursor}`)
      expect(status).toBe(200)
      seen.push(...(body.orders as { orderId: string }[]).map(({ orderId }) => orderId))
      expect('nextCursor' in body).toBe(page < 2)
      cursor = `&cursor=${body.nextCursor}`
    }
    expect(seen).toEqual(['o-3', 'o-0', 'o-2', 'o-4', 'o-1'])
    const { body } = await shop.call('GET /users/user-1/orders')
    expect(body.orders).toHaveLength(5)
    expect((body.orders as object[])[0]).toEqual((await shop.call('GET /orders/o-3')).body)
  })

  it('lists 20 where nothing else is said', async () => {
    await using shop = await openShop()
    await Promise.all(Array.from({ length: 21 }, () => shop.call('POST /orders', { body: order })))
    const { body } = await shop.call('GET /users/user-1/orders')
    expect(body).toMatchObject({ nextCursor: expect.any(String) })
    expect(body.orders).toHaveLength(20)
    const all = await shop.call('GET /users/user-1/orders?limit=100')
    expect(all.body.orders).toHaveLength(21)
  })

  it('has nothing for a user that is not known', async () => {
    await using shop = await openShop()
    expect(await shop.call('GET /users/nobody/orders')).toMatchObject({ status: 200, text: '{"orders":[]}' })
  })

  it.each([
    ['limit=0', ['limit']],
    ['limit=101', ['limit']],
    ['limit=-1', ['limit']],
    ['limit=1.5', ['limit']],
    ['limit=ten', ['limit']],
    ['limit=', ['limit']],
    ['limit=1&limit=2', ['limit']],
    ['cursor=', ['cursor']],
    ['cursor=abc', ['cursor']],
    ['cursor=%zz', ['cursor']],
    ['cursor=abc&limit=x', ['cursor', 'limit']],
    ['page=2', ['page']],
  ])('refuses ?%s', async (query, paths) => {
    await using shop = await openShop()
    const answer = await shop.call(`GET /users/user-1/orders?${query}`)
    expect(answer).toMatchObject({ status: 400, body: { type: '/problems/invalid-request' } })
    expect(errorPaths(answer.body).toSorted()).toEqual(paths)
  })
})
