import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { describe, expect, it } from 'vitest'
import { callUrl, order, temporaryFolder } from './shop.test-support.ts'

const program = join(import.meta.dirname, 'main.ts')
const { MILLRACE_URL: _, DATABASE_URL: __, ...inherited } = process.env

/** `npm start` in a folder, on a port of its own unless the environment says otherwise. */
function start(folder: string, environment: NodeJS.ProcessEnv = {}) {
  const child = spawn(process.execPath, [program], { cwd: folder, env: { ...inherited, PORT: '0', ...environment } })
  return { child, errors: text(child.stderr) }
}

/** What it prints until the line that tells how to try it. */
async function untilOpen(child: ChildProcess) {
  let output = ''
  for await (const chunk of child.stdout!.iterator({ destroyOnReturn: false })) {
    output += chunk
    if (output.includes('/stats\n')) break
  }
  return { output, url: /open at (\S+)/.exec(output)![1]! }
}
async function stop(child: ChildProcess, signal: NodeJS.Signals) {
  const ended = once(child, 'exit')
  child.kill(signal)
  const [code, killedBy] = await ended
  return { code, killedBy }
}
async function outcome(child: ChildProcess, errors: Promise<string>) {
  const [code] = await once(child, 'close')
  return { code, errors: await errors }
}

describe('npm start', () => {
  it('places the first order once, serves, and exits 0 on SIGTERM and on SIGINT', async () => {
    using folder = temporaryFolder()
    const { child } = start(folder.path)
    const { output, url } = await untilOpen(child)
    expect(output).toContain('order-demo of user-123: 2 × prod-A at 99.99, 1 × prod-B at 49.99')
    expect(output).toMatch(/order {9}created, 249\.97 in all/)
    expect(output).toMatch(/inventory {5}RESERVED/)
    expect(output).toMatch(/payment {7}249\.97 taken, payment-/)
    expect(output).toMatch(/notification {2}e-mail to user-123/)
    expect(output).toMatch(/workers {7}send-email is done/)
    expect(output.match(/^ {2}curl http:/gm)).toHaveLength(3)
    expect((await callUrl(url, 'GET /orders/order-demo')).body).toMatchObject({ totalAmount: 249.97, notified: true })
    expect((await callUrl(url, 'POST /orders', { body: { orderId: 'o-1', ...order } })).status).toBe(201)
    expect(await stop(child, 'SIGTERM')).toEqual({ code: 0, killedBy: null })

    const again = start(folder.path)
    const second = await untilOpen(again.child)
    expect(second.output).toMatch(/order {9}there from an earlier start, 249\.97 in all/)
    expect((await callUrl(second.url, 'GET /stats')).body).toMatchObject({ orders: 2, payments: 2, notifications: 2 })
    expect(await stop(again.child, 'SIGINT')).toEqual({ code: 0, killedBy: null })
    const sentMail = readFileSync(join(folder.path, '.millrace/sent-mail.jsonl'), 'utf8')
    expect(sentMail.match(/"orderId":"order-demo"/g)).toHaveLength(1)
  })

  it('loses nothing that it acknowledged when it is killed', async () => {
    using folder = temporaryFolder()
    const { child } = start(folder.path)
    const { url } = await untilOpen(child)
    const orderIds = Array.from({ length: 50 }, (_, at) => `o-${at}`)
    await Promise.all(orderIds.map((orderId) => callUrl(url, 'POST /orders', { body: { orderId, ...order } })))
    expect(await stop(child, 'SIGKILL')).toEqual({ code: null, killedBy: 'SIGKILL' })

    const again = start(folder.path)
    const second = await untilOpen(again.child)
    const all = { orders: 51, payments: 51, reservations: 51, notifications: 51 }
    expect((await callUrl(second.url, 'GET /stats')).body).toMatchObject(all)
    expect(await stop(again.child, 'SIGTERM')).toMatchObject({ code: 0 })
  })

  it('shares the work of one folder between two that run there, each order once', async () => {
    using folder = temporaryFolder()
    const shops = [start(folder.path), start(folder.path)]
    const [one, other] = await Promise.all(shops.map(({ child }) => untilOpen(child)))
    const orderIds = Array.from({ length: 40 }, (_, at) => `o-${at}`)
    const place = (orderId: string, at: number) =>
      callUrl((at % 2 === 0 ? one : other)!.url, 'POST /orders', { body: { orderId, ...order } })
    for (const { status } of await Promise.all(orderIds.map(place))) expect(status).toBe(201)
    for (const { url } of [one!, other!]) {
      const all = { orders: 41, payments: 41, reservations: 41, notifications: 41 }
      await expect.poll(async () => (await callUrl(url, 'GET /stats')).body, { timeout: 20_000 }).toMatchObject(all)
    }
    const ends = await Promise.all(shops.map(({ child }) => stop(child, 'SIGTERM')))
    expect(ends).toMatchObject([{ code: 0 }, { code: 0 }])
  })

  it('says who to ask when the port is in use, and opens nothing', async () => {
    using folder = temporaryFolder()
    const other = createServer().listen(0, '127.0.0.1')
    await once(other, 'listening')
    const { port } = other.address() as { port: number }
    const { child, errors } = start(folder.path, { PORT: String(port) })
    expect(await outcome(child, errors)).toEqual({
      code: 1,
      errors: `Port ${port} of 127.0.0.1 is in use: stop the program that has it, or choose another with PORT.\n`,
    })
    expect(existsSync(join(folder.path, '.millrace'))).toBe(false)
    other.close()
  })

  it.each([
    [{ PORT: 'http' }, /^PORT is 'http': give a whole number from 0 to 65535/],
    [{ PORT: '65536' }, /^PORT is '65536'/],
    [{ HOST: '192.0.2.1' }, /^192\.0\.2\.1 is not an address of this machine/],
    [{ MILLRACE_URL: 'redis://localhost' }, /MILLRACE_URL.*redis:.*file:path or memory:/],
    [{ MILLRACE_URL: 'log.db' }, /MILLRACE_URL.*no scheme/],
    [{ DATABASE_URL: 'mysql://user:secret@db/shop' }, /^'mysql:\/\/\*\*\*@db\/shop'.*'file:' and a path/],
    [{ DATABASE_URL: 'app.db' }, /^'app\.db' is not a database URL/],
    [{ MILLRACE_URL: 'file:/dev/null/folder/log.db' }, /\/dev\/null\/folder\/log\.db.*folder that may be written/],
    [{ DATABASE_URL: 'file:/dev/null/folder/app.db' }, /\/dev\/null\/folder.*another path in DATABASE_URL/],
  ])('ends with a sentence and exit code 1 for %j', async (environment, message) => {
    using folder = temporaryFolder()
    const { child, errors } = start(folder.path, environment)
    const { code, errors: said } = await outcome(child, errors)
    expect(code).toBe(1)
    expect(said).toMatch(message)
    expect(said).not.toContain('secret')
    expect(said.trimEnd().split('\n')).toHaveLength(1)
  })
})
