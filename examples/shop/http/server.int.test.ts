import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { subscriber } from 'millrace/pubsub'
import { describe, expect, it } from 'vitest'
import { orderEvents } from '../order/events.ts'
import { callUrl, openShop, order } from '../shop.test-support.ts'
import { ShopServer } from './server.ts'

const problem = (status: number, kind: string) => ({
  status,
  headers: { 'content-type': 'application/problem+json' },
  body: {
    type: `/problems/${kind}`,
    status,
    title: expect.any(String),
    errors: [{ path: '', message: expect.any(String) }],
  },
})
const megabyte = 1_048_576

describe('a body', () => {
  it.each(['', ' ', '{', '{"userId":}', 'null,', "{'a':1}", '\u0000', '{"a":1}{"b":2}'])(
    'that is no JSON is refused: %j',
    async (raw) => {
      await using shop = await openShop()
      for (const line of ['POST /orders', 'POST /tasks', 'PUT /products/a']) {
        const answer = await shop.call(line, { raw, headers: { 'Content-Type': 'application/json' } })
        expect(answer).toMatchObject(problem(400, 'invalid-request'))
      }
    },
  )

  it('that is not UTF-8 is refused', async () => {
    await using shop = await openShop()
    const raw = Buffer.concat([Buffer.from('{"userId":"'), Buffer.from([0xff]), Buffer.from('"}')])
    expect(await shop.call('POST /orders', { raw })).toMatchObject(problem(400, 'invalid-request'))
  })

  it('nested as deep as it gets is refused like any other', async () => {
    await using shop = await openShop()
    const deep = `${'['.repeat(500_000)}${']'.repeat(500_000)}`
    expect(await shop.call('POST /orders', { raw: deep })).toMatchObject({ status: 400 })
    expect(await shop.call('POST /orders', { raw: `{"userId":"u","items":${deep}}` })).toMatchObject({ status: 400 })
    expect(await shop.call('POST /orders', { raw: '{"__proto__":{"userId":"u"},"userId":"u"}' })).toMatchObject({
      status: 400,
    })
  })

  it('with more faults than anybody reads gets a list that ends', async () => {
    await using shop = await openShop()
    const unknown = Object.fromEntries(Array.from({ length: 20_000 }, (_, at) => [`field-${at}`, at]))
    const { status, body } = await shop.call('POST /orders', { body: unknown })
    expect(status).toBe(400)
    expect(body.errors).toHaveLength(1_001)
  })

  it.each([
    '',
    'text/plain',
    'application/x-www-form-urlencoded',
    'application/jsonp',
    'application/json; charset=latin1',
  ])('of the content type %j is refused', async (type) => {
    await using shop = await openShop()
    const headers = { 'Content-Type': type }
    for (const line of ['POST /orders', 'POST /tasks', 'PUT /products/a']) {
      const answer = await shop.call(line, { raw: JSON.stringify(order), headers })
      expect(answer).toMatchObject(problem(415, 'unsupported-media-type'))
    }
  })

  it('in gzip is refused', async () => {
    await using shop = await openShop()
    const answer = await shop.call('POST /orders', { body: order, headers: { 'Content-Encoding': 'gzip' } })
    expect(answer).toMatchObject(problem(415, 'unsupported-media-type'))
  })

  it.each(['application/json; charset=utf-8', 'Application/JSON;charset="UTF-8"'])(
    'of the content type %s is taken',
    async (type) => {
      await using shop = await openShop()
      const answer = await shop.call('POST /orders', { body: order, headers: { 'Content-Type': type } })
      expect(answer.status).toBe(201)
    },
  )

  it('may have a megabyte and not a byte more, announced or not', async () => {
    await using shop = await openShop()
    const fitting = JSON.stringify(order).padEnd(megabyte)
    const chunked = { 'Transfer-Encoding': 'chunked' }
    expect(await shop.call('POST /orders', { raw: fitting })).toMatchObject({ status: 201 })
    expect(await shop.call('POST /orders', { raw: fitting, headers: chunked })).toMatchObject({ status: 201 })
    for (const headers of [{}, chunked]) {
      const answer = await shop.call('POST /orders', { raw: `${fitting} `, headers })
      expect(answer).toMatchObject(problem(413, 'body-too-large'))
    }
    expect(await shop.call('POST /orders', { raw: Buffer.alloc(20 * megabyte, ' ') })).toMatchObject({ status: 413 })
    expect((await shop.call('GET /stats')).body).toMatchObject({ orders: 2 })
  })

  it('that breaks off harms nobody', async () => {
    await using shop = await openShop()
    const { port } = new URL(shop.server.url)
    const socket = connect(Number(port), '127.0.0.1')
    socket.write(
      'POST /orders HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"user',
    )
    socket.end()
    await text(socket)
    expect(await shop.call('POST /orders', { body: order })).toMatchObject({ status: 201 })
  })
})

describe('paths and methods', () => {
  it.each(['GET /', 'GET /nowhere', 'POST /orders/o-1/items', 'GET /orders/', 'GET /users//orders'])(
    '%s is not found',
    async (line) => {
      await using shop = await openShop()
      expect(await shop.call(line)).toMatchObject(problem(404, 'not-found'))
    },
  )

  it.each([
    ['GET /orders', 'POST'],
    ['DELETE /orders/o-1', 'GET, HEAD'],
    ['POST /users/u/orders', 'GET, HEAD'],
    ['PATCH /products/p', 'GET, HEAD, PUT'],
    ['POST /products', 'GET, HEAD'],
    ['POST /payments', 'GET, HEAD'],
    ['OPTIONS /tasks', 'POST'],
    ['PUT /stats', 'GET, HEAD'],
    ['POST /livez', 'GET, HEAD'],
    ['POST /dead-letters', 'GET, HEAD'],
    ['GET /dead-letters/a/redrive', 'POST'],
  ])('%s is not allowed', async (line, allow) => {
    await using shop = await openShop()
    const answer = await shop.call(line)
    expect(answer).toMatchObject(problem(405, 'method-not-allowed'))
    expect(answer.headers.allow).toBe(allow)
  })

  it.each([
    'orders/a%20b',
    `orders/${'a'.repeat(129)}`,
    'orders/%zz',
    'products/a%2Fb',
    'tasks/%C3%BC',
    'users/a%20b/orders',
  ])('an id as in %s is refused', async (path) => {
    await using shop = await openShop()
    const answer = await shop.call(`GET /${path}`)
    expect(answer).toMatchObject({ status: 400, body: { type: '/problems/invalid-request' } })
  })

  it('HEAD answers as GET does, without the body', async () => {
    await using shop = await openShop()
    await shop.call('POST /orders', { body: { orderId: 'o-1', ...order } })
    for (const path of ['/orders/o-1', '/orders/nobody', '/products', '/livez']) {
      const get = await shop.call(`GET ${path}`)
      const head = await shop.call(`HEAD ${path}`)
      expect(head).toMatchObject({ status: get.status, text: '' })
      expect(head.headers['content-length']).toBe(String(Buffer.byteLength(get.text)))
      expect(head.headers['content-type']).toBe(get.headers['content-type'])
    }
    expect(await shop.call('HEAD /orders')).toMatchObject({ status: 405, text: '' })
  })

  it('the health is up while all components live', async () => {
    await using shop = await openShop()
    for (const path of ['/livez', '/readyz', '/healthz']) {
      expect(await shop.call(`GET ${path}`)).toMatchObject({ status: 200, body: { status: 'up' } })
    }
  })
})

describe('a shop with a service that died', () => {
  it('says so, and why', async () => {
    const component = subscriber('audit', {
      from: orderEvents,
      retry: { attempts: 1 },
      whenSpent: 'stop',
      on: () => {
        throw new Error('no more paper')
      },
    })
    await using shop = await openShop({ component })
    await shop.call('POST /orders', { body: order })
    await shop.app.advance(0)
    for (const path of ['/livez', '/readyz', '/healthz']) {
      expect(await shop.call(`GET ${path}`)).toMatchObject({
        status: 503,
        headers: { 'content-type': 'application/problem+json' },
        body: { type: '/problems/unavailable', reasons: [expect.stringMatching(/'audit' died: .*no more paper/)] },
      })
    }
    expect(await shop.call('POST /orders', { body: order })).toMatchObject({ status: 201 })
  })
})

describe('the server', () => {
  it('answers 503 until it serves', async () => {
    const server = new ShopServer(console)
    await server.listen({ port: 0, host: '127.0.0.1' })
    const answer = await callUrl(server.url, 'GET /readyz')
    expect(answer).toMatchObject({ status: 503, body: { reasons: ['the shop is starting'] } })
    expect(answer.headers['retry-after']).toBe('1')
    await server.close()
  })

  it('finishes what is in flight when it closes, and takes nothing new', async () => {
    const server = new ShopServer(console)
    await server.listen({ port: 0, host: '127.0.0.1' })
    const arrived = Promise.withResolvers<void>()
    const finish = Promise.withResolvers<void>()
    server.serve({
      'GET /slow': async () => {
        arrived.resolve()
        await finish.promise
        return { status: 200, body: { done: true } }
      },
    })
    const { url } = server
    const slow = callUrl(url, 'GET /slow', { headers: { Connection: 'keep-alive' } })
    await arrived.promise
    const closed = server.close()
    await expect(callUrl(url, 'GET /slow')).rejects.toThrow('ECONNREFUSED')
    finish.resolve()
    expect(await slow).toMatchObject({ status: 200, body: { done: true }, headers: { connection: 'close' } })
    await closed
  })

  it('hides what went wrong inside, and tells its log', async () => {
    const told: unknown[] = []
    const server = new ShopServer({ error: (...line) => void told.push(line) })
    await server.listen({ port: 0, host: '127.0.0.1' })
    server.serve({
      'GET /broken': () => {
        throw new TypeError('secret')
      },
    })
    const answer = await callUrl(server.url, 'GET /broken')
    expect(answer).toMatchObject(problem(500, 'internal-error'))
    expect(answer.text).not.toContain('secret')
    expect(told).toEqual([['a request failed', { error: new TypeError('secret') }]])
    await server.close()
  })
})
