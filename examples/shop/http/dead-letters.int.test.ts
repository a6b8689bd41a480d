import { describe, expect, it } from 'vitest'
import { openShop } from '../shop.test-support.ts'

type Shop = Awaited<ReturnType<typeof openShop>>
interface Letter {
  readonly id: string
  readonly error: string
  readonly key: string
}
const poisoned = (orderId: string) => ({
  orderId,
  userId: 'user-1',
  items: [
    { productId: 'prod-A', quantity: 1, price: 1 },
    { productId: 'poison-1', quantity: 2, price: 3 },
  ],
})
const deadLetters = async (shop: Shop) => (await shop.call('GET /dead-letters')).body.deadLetters as Letter[]

/** Places the orders; each is dead within two seconds. */
async function poison(shop: Shop, ...orderIds: string[]): Promise<readonly Letter[]> {
  for (const orderId of orderIds) await shop.call('POST /orders', { body: poisoned(orderId) })
  await shop.app.advance('2s')
  return deadLetters(shop)
}

describe('GET /dead-letters', () => {
  it('is empty while all is well', async () => {
    await using shop = await openShop()
    expect(await shop.call('GET /dead-letters')).toMatchObject({ status: 200, body: { deadLetters: [] } })
  })

  it('shows an order that the inventory service gave up, which the others handled', async () => {
    await using shop = await openShop()
    expect(await poison(shop, 'o-1')).toEqual([
      {
        id: expect.any(String),
        group: 'inventory-service',
        topic: 'order-events',
        partition: expect.any(Number),
        offset: 0,
        key: 'o-1',
        error: 'nobody can take poison-1 from its shelf',
        errorName: 'Error',
        fingerprint: expect.any(String),
        attempts: 5,
        firstFailedAt: '2026-01-01T00:00:00.000Z',
        lastFailedAt: expect.stringMatching(/^2026-01-01T00:00:0[01]/),
        value: { type: 'ORDER_CREATED', ...poisoned('o-1'), totalAmount: 7 },
      },
    ])
    expect((await shop.call('GET /orders/o-1')).body).toMatchObject({
      reservation: null,
      payment: { amount: 7 },
      notified: true,
    })
    expect((await shop.call('GET /products')).body).toEqual({ products: [] })
    expect(await shop.call('GET /healthz')).toMatchObject({ status: 200 })
    await shop.app.settled()
  })

  it('shows no order where the poison is off', async () => {
    await using shop = await openShop({ isPoisonOn: false })
    expect(await poison(shop, 'o-1')).toEqual([])
    expect((await shop.call('GET /orders/o-1')).body).toMatchObject({ reservation: 'RESERVED' })
  })

  it('has no parameters', async () => {
    await using shop = await openShop()
    const answer = await shop.call('GET /dead-letters?group=a&limit=1&limit=2')
    expect(answer).toMatchObject({ status: 400, body: { errors: [{ path: 'limit' }] } })
    const { body } = await shop.call('GET /dead-letters?group=a&limit=1')
    expect(body).toMatchObject({ errors: [{ path: 'group' }, { path: 'limit' }] })
  })
})

describe('POST /dead-letters/:id/redrive', () => {
  it('has that one handled again, once', async () => {
    await using shop = await openShop()
    const letters = await poison(shop, 'o-1', 'o-2')
    const letter = letters.find(({ key }) => key === 'o-1')
    const path = `POST /dead-letters/${letter!.id}/redrive`
    expect(await shop.call(path)).toMatchObject({ status: 202 })
    await shop.app.advance('2s')
    expect(await shop.call(path)).toMatchObject({
      status: 409,
      body: {
        type: '/problems/already-redriven',
        errors: [{ path: 'id', message: expect.stringContaining('before') }],
      },
    })
    // It died again: that is another death.
    const now = await deadLetters(shop)
    expect(now.map(({ key }) => key).toSorted()).toEqual(['o-1', 'o-2'])
    expect(now.find(({ key }) => key === 'o-2')).toEqual(letters.find(({ key }) => key === 'o-2'))
    const second = now.find(({ key }) => key === 'o-1')
    expect(second).toMatchObject({ attempts: 5 })
    expect(second!.id).not.toBe(letter!.id)
  })

  it.each([
    ['nobody', 404, 'not-found'],
    ['a%20b', 400, 'invalid-request'],
    ['a'.repeat(129), 400, 'invalid-request'],
    ['%zz', 400, 'invalid-request'],
  ])('refuses the id %s', async (id, status, kind) => {
    await using shop = await openShop()
    const answer = await shop.call(`POST /dead-letters/${id}/redrive`)
    expect(answer).toMatchObject({ status, body: { type: `/problems/${kind}`, errors: [{ path: 'id' }] } })
  })
})
