import { describe, expect, it } from 'vitest'
import { createRouter, type Reply } from './router.ts'

const reply = (name: string) => (): Reply => ({ status: 200, body: { name } })
const find = createRouter({
  'GET /orders/:orderId': reply('order'),
  'POST /orders': reply('create'),
  'GET /users/:userId/orders': reply('list'),
  'PUT /products/:productId': reply('stock'),
  'GET /products/:productId': reply('product'),
})
const nothing = new URLSearchParams()
const nameOf = async (method: string, path: string) => {
  const { route, params } = find(method, path)
  const { body } = await route({ params, query: nothing, readJson: async () => undefined })
  return { ...body, ...params }
}

describe('the router', () => {
  it.each([
    ['POST', '/orders', { name: 'create' }],
    ['GET', '/orders/a', { name: 'order', orderId: 'a' }],
    ['HEAD', '/orders/a', { name: 'order', orderId: 'a' }],
    ['GET', '/orders/..', { name: 'order', orderId: '..' }],
    ['GET', '/orders/a%2Db', { name: 'order', orderId: 'a-b' }],
    ['GET', '/users/u.1/orders', { name: 'list', userId: 'u.1' }],
    ['PUT', '/products/p', { name: 'stock', productId: 'p' }],
  ])('finds %s %s', async (method, path, found) => {
    expect(await nameOf(method, path)).toEqual(found)
  })

  it.each(['/', '', '/order', '/orders/', '/orders/a/b', '/users//orders', '/Orders', '*', '/__proto__'])(
    'knows no %j',
    (path) => {
      expect(() => find('GET', path)).toThrow(expect.objectContaining({ status: 404 }))
    },
  )

  it('says which methods a path has', () => {
    const refused = (allow: string) =>
      expect.objectContaining({ status: 405, headers: expect.objectContaining({ Allow: allow }) })
    expect(() => find('DELETE', '/orders/a')).toThrow(refused('GET, HEAD'))
    expect(() => find('GET', '/orders')).toThrow(refused('POST'))
    expect(() => find('POST', '/products/p')).toThrow(refused('PUT, GET, HEAD'))
  })

  it.each(['a%20b', '%zz', '%00', 'a'.repeat(129), '%C3%BC', 'a%2Fb'])('refuses the id %j', (id) => {
    expect(() => find('GET', `/orders/${id}`)).toThrow(
      expect.objectContaining({
        status: 400,
        body: expect.objectContaining({ errors: [expect.objectContaining({ path: 'orderId' })] }),
      }),
    )
  })
})
