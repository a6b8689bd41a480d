import { describe, expect, it } from 'vitest'
import { openShop, order } from '../shop.test-support.ts'

const errorPaths = (body: Record<string, unknown>) => (body.errors as { path: string }[]).map(({ path }) => path)
const of = (...items: readonly (readonly [string, number])[]) => ({
  userId: 'u',
  items: items.map(([productId, quantity]) => ({ productId, quantity, price: 1 })),
})

describe('products', () => {
  it('that nobody has heard of have a million in stock', async () => {
    await using shop = await openShop()
    const unknown = { productId: 'p', stock: 1_000_000, reserved: 0 }
    expect(await shop.call('GET /products/p')).toMatchObject({ status: 200, body: unknown })
    expect((await shop.call('GET /products')).body).toEqual({ products: [] })
  })

  it('move from stock to reserved with an order, all of it', async () => {
    await using shop = await openShop()
    await shop.call('POST /orders', { body: of(['b', 2], ['a', 1], ['b', 3]) })
    await shop.app.settled()
    expect((await shop.call('GET /products')).body).toEqual({
      products: [
        { productId: 'a', stock: 999_999, reserved: 1 },
        { productId: 'b', stock: 999_995, reserved: 5 },
      ],
    })
  })

  it('stay as they are when any of an order is short', async () => {
    await using shop = await openShop()
    const set = await shop.call('PUT /products/a', { body: { stock: 4 } })
    expect(set).toMatchObject({ status: 200, body: { productId: 'a', stock: 4, reserved: 0 } })
    // Five of a in two lines: each would fit alone.
    await shop.call('POST /orders', { body: { orderId: 'short', ...of(['b', 1], ['a', 3], ['a', 2]) } })
    await shop.call('POST /orders', { body: { orderId: 'million', ...of(['c', 1_000_001]) } })
    await shop.app.settled()
    expect((await shop.call('GET /orders/short')).body).toMatchObject({ reservation: 'BACKORDERED', notified: true })
    expect((await shop.call('GET /orders/million')).body).toMatchObject({ reservation: 'BACKORDERED' })
    expect((await shop.call('GET /products/a')).body).toEqual({ productId: 'a', stock: 4, reserved: 0 })
    expect((await shop.call('GET /products/b')).body).toEqual({ productId: 'b', stock: 1_000_000, reserved: 0 })
    await shop.call('POST /orders', { body: { orderId: 'fits', ...of(['a', 4]) } })
    await shop.app.settled()
    expect((await shop.call('GET /orders/fits')).body).toMatchObject({ reservation: 'RESERVED' })
    expect((await shop.call('GET /products/a')).body).toEqual({ productId: 'a', stock: 0, reserved: 4 })
  })

  it('get a new stock by PUT, and what is reserved stays', async () => {
    await using shop = await openShop()
    await shop.call('POST /orders', { body: of(['a', 7]) })
    await shop.app.settled()
    const set = await shop.call('PUT /products/a', { body: { stock: 0 } })
    expect(set.body).toEqual({ productId: 'a', stock: 0, reserved: 7 })
    expect((await shop.call('GET /products/a')).body).toEqual(set.body)
  })

  it.each([
    [{}, ['stock']],
    [{ stock: -1 }, ['stock']],
    [{ stock: 1.5 }, ['stock']],
    [{ stock: '1' }, ['stock']],
    [{ stock: 2 ** 53 }, ['stock']],
    [{ stock: 1, reserved: 2 }, ['reserved']],
    [{ stock: null, productId: 'x' }, ['productId', 'stock']],
    [7, ['']],
  ])('refuse PUT of %j', async (body, paths) => {
    await using shop = await openShop()
    const answer = await shop.call('PUT /products/a', { body })
    expect(answer.status).toBe(400)
    expect(errorPaths(answer.body).toSorted()).toEqual(paths)
  })

  it('count up to the largest whole numbers', async () => {
    await using shop = await openShop()
    const most = Number.MAX_SAFE_INTEGER
    for (let at = 0; at < 3; at++) {
      await shop.call('PUT /products/a', { body: { stock: most } })
      const items = [{ productId: 'a', quantity: most, price: 0 }]
      expect(await shop.call('POST /orders', { body: { userId: 'u', items } })).toMatchObject({ status: 201 })
      await shop.app.settled()
    }
    expect((await shop.call('GET /products/a')).body).toEqual({ productId: 'a', stock: 0, reserved: 3 * most })
    expect(await shop.call('GET /stats')).toMatchObject({ status: 200, body: { reservations: 3 } })
  })
})

describe('payments and notifications', () => {
  it('are one an order', async () => {
    await using shop = await openShop()
    for (const orderId of ['o-1', 'o-2']) await shop.call('POST /orders', { body: { orderId, ...order } })
    await shop.app.settled()
    expect((await shop.call('GET /payments?orderId=o-1')).body).toEqual({
      payments: [{ paymentId: expect.stringMatching(/^payment-/), orderId: 'o-1', amount: 249.97 }],
    })
    const { body } = await shop.call('GET /notifications?orderId=o-2')
    expect(body).toEqual({ notifications: [{ orderId: 'o-2', userId: 'user-1', taskId: expect.any(String) }] })
    const [{ taskId }] = body.notifications as [{ taskId: string }]
    expect((await shop.call(`GET /tasks/${taskId}`)).body).toEqual({
      id: taskId,
      task: 'send-email',
      state: 'done',
      attempt: 1,
    })
  })

  it.each(['payments', 'notifications'])('have no %s of an order that is not known', async (what) => {
    await using shop = await openShop()
    expect(await shop.call(`GET /${what}?orderId=nobody`)).toMatchObject({ status: 200, body: { [what]: [] } })
  })

  it.each([
    ['', 'orderId'],
    ['?orderId=', 'orderId'],
    ['?orderId=a%20b', 'orderId'],
    ['?orderId=a&orderId=b', 'orderId'],
    ['?orderId=a&limit=1', 'limit'],
  ])('refuse the query %j', async (query, path) => {
    await using shop = await openShop()
    for (const what of ['payments', 'notifications']) {
      const answer = await shop.call(`GET /${what}${query}`)
      expect(answer.status).toBe(400)
      expect(errorPaths(answer.body)).toEqual([path])
    }
  })
})

describe('GET /stats', () => {
  it('sums over the tables of all services, and gives the lag of each group', async () => {
    const opened = Promise.withResolvers<void>()
    await using shop = await openShop({ middleware: (_, next) => opened.promise.then(next) })
    const groupsWithLag = (lag: number) =>
      ['inventory-service', 'payment-service', 'notification-service', 'task-workers'].map((group) => ({ group, lag }))
    const nothing = { orders: 0, users: 0, quantity: 0, amount: 0, payments: 0, reservations: 0, notifications: 0 }
    expect((await shop.call('GET /stats')).body).toMatchObject({ ...nothing, groups: groupsWithLag(0) })
    await shop.call('POST /orders', { body: order })
    await shop.call('POST /orders', { body: order })
    await shop.call('POST /orders', { body: { ...order, userId: 'user-2' } })
    opened.resolve()
    await shop.app.settled()
    expect((await shop.call('GET /stats')).body).toMatchObject({
      orders: 3,
      users: 2,
      quantity: 9,
      amount: 749.91,
      payments: 3,
      reservations: 3,
      notifications: 3,
      groups: groupsWithLag(0),
    })
  })

  it('tells what each component does, on lines that a person can read', async () => {
    await using shop = await openShop()
    await shop.call('POST /orders', { body: order })
    await shop.app.settled()
    const answer = await shop.call('GET /stats')
    const components = answer.body.components as readonly { readonly component: string }[]
    expect(components).toContainEqual({
      component: 'subscriber inventory-service',
      state: 'running',
      waitsFor: [],
      commitsIn: 'database inventory',
      guarantee: expect.stringContaining('exactly once'),
      lag: 0,
      perSecond: { last10s: expect.any(Number), lastMinute: expect.any(Number) },
      handlers: '0 of 16',
      held: { records: 0, keys: [] },
      delayed: { records: 0, nextDueAt: null },
      lastFailure: null,
    })
    expect(components).toContainEqual(expect.objectContaining({ component: 'command create-order', state: 'running' }))
    expect(answer.body).toMatchObject({ health: { status: 'up' }, outboxes: [{ pending: 0 }], log: { error: null } })
    expect(answer.text.split('\n').length).toBeGreaterThan(50)
  })
})
