import { mkdtempSync, rmSync } from 'node:fs'
import { type IncomingMessage, type OutgoingHttpHeaders, request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import type { App, Middleware } from 'millrace'
import { testApp } from 'millrace/testing'
import { createShop, type ShopOptions } from './app.ts'
import { createRoutes } from './http/routes.ts'
import { ShopServer } from './http/server.ts'

export interface Answer {
  readonly status: number
  readonly headers: IncomingMessage['headers']
  readonly text: string
  /** The body as JSON, empty where there is none. */
  readonly body: Record<string, unknown>
}
export interface Call {
  readonly body?: unknown
  /** Sent as it is. */
  readonly raw?: string | Uint8Array
  readonly headers?: OutgoingHttpHeaders
}

/** One HTTP call, the path as it is written. `body` is sent as JSON. */
export async function callUrl(url: string, line: string, { body, raw, headers }: Call = {}): Promise<Answer> {
  const [method, path] = line.split(' ')
  const bytes = body === undefined ? raw : JSON.stringify(body)
  const { hostname, port } = new URL(url)
  const type = bytes === undefined ? {} : { 'Content-Type': 'application/json' }
  return new Promise((resolve, reject) => {
    const sending = request({ hostname, port, method, path, headers: { ...type, ...headers } }, async (response) => {
      const answer = await text(response)
      const json = answer === '' ? {} : JSON.parse(answer)
      resolve({ status: response.statusCode!, headers: response.headers, text: answer, body: json })
    })
    sending.once('error', reject)
    sending.end(bytes)
  })
}

/** The shop in memory behind a real HTTP server, its clock at 2026-01-01T00:00:00Z. */
export async function openShop({
  middleware,
  component,
  ...options
}: ShopOptions & {
  readonly middleware?: Middleware
  /** A component beside the shop's own. */
  readonly component?: Parameters<App['add']>[0]
} = {}) {
  const app = testApp()
  if (middleware !== undefined) app.use(middleware)
  const shop = createShop(app, options)
  if (component !== undefined) app.add(component)
  const server = new ShopServer(console)
  await server.listen({ port: 0, host: '127.0.0.1' })
  await app.start()
  server.serve(createRoutes(shop))
  return {
    app,
    shop,
    server,
    call: (line: string, call?: Call) => callUrl(server.url, line, call),
    [Symbol.asyncDispose]: async () => {
      await server.close()
      await app.stop()
    },
  }
}

/** A folder that is gone at the end of the block. */
export function temporaryFolder() {
  const path = mkdtempSync(join(tmpdir(), 'millrace-shop-'))
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) }
}

export const order = {
  userId: 'user-1',
  items: [
    { productId: 'prod-A', quantity: 2, price: 99.99 },
    { productId: 'prod-B', quantity: 1, price: 49.99 },
  ],
}
