import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type Logger, MillraceError } from 'millrace'
import { InvalidInputError } from 'millrace/cqrs'
import { readJson } from './json-body.ts'
import { Problem, unavailable } from './problem.ts'
import { createRouter, type Reply, type Router, type Routes } from './router.ts'

/**
 * An HTTP server of JSON.
 *
 * States: *starting* (it has its port, and answers 503) → *serving* → *stopping* (takes no connections, ends what is in
 * flight) → closed.
 */
export class ShopServer {
  readonly #server: Server
  readonly #log: Pick<Logger, 'error'>
  #router: Router | undefined
  #isStopping = false

  constructor(log: Pick<Logger, 'error'>) {
    this.#log = log
    this.#server = createServer((request, response) => void this.#answer(request, response))
  }

  /** Resolves when it has the port. Rejects with the system's error where it cannot. */
  listen(address: { readonly port: number; readonly host: string }): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject)
      this.#server.listen(address, () => resolve())
    })
  }

  serve(routes: Routes): void {
    this.#router = createRouter(routes)
  }

  get url(): string {
    const { address, family, port } = this.#server.address() as AddressInfo
    return `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`
  }

  /** Resolves when the requests in flight are answered; callers that take longer than 10 seconds are cut off. */
  async close(): Promise<void> {
    if (!this.#server.listening) return
    this.#isStopping = true
    const cutOff = setTimeout(() => this.#server.closeAllConnections(), 10_000)
    await new Promise((resolve) => this.#server.close(resolve))
    clearTimeout(cutOff)
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let reply: Reply
    try {
      reply = await this.#handle(request)
    } catch (error) {
      // A caller that went away while it sent the body: nobody waits for an answer.
      if (response.destroyed) return
      reply = this.#explain(error)
    }
    // What is left of a body that nobody wanted is read and dropped: the connection is good for the next request.
    request.resume()
    if (this.#isStopping) response.setHeader('Connection', 'close')
    const body = JSON.stringify(reply.body, null, reply.isForPeople ? 2 : undefined)
    const headers = { 'Content-Type': 'application/json', ...reply.headers, 'Content-Length': Buffer.byteLength(body) }
    response.writeHead(reply.status, headers).end(body)
  }

  async #handle(request: IncomingMessage): Promise<Reply> {
    if (this.#router === undefined) throw unavailable(['the shop is starting'])
    const [path = '', query = ''] = request.url!.split(/\?(.*)/s)
    const { route, params } = this.#router(request.method!, path)
    return route({ params, query: new URLSearchParams(query), readJson: () => readJson(request) })
  }

  #explain(error: unknown): Problem {
    if (error instanceof Problem) return error
    if (error instanceof InvalidInputError) return new Problem('invalid-request', error.faults)
    if (error instanceof MillraceError && error.retryable) return unavailable([error.message])
    this.#log.error('a request failed', { error })
    return new Problem('internal-error', [{ path: '', message: 'nothing is wrong with the request; try again later' }])
  }
}
