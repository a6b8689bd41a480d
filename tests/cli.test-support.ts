import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { millrace, RejectError, topic } from 'millrace'
import { subscriber } from 'millrace/pubsub'
import { queue, worker } from 'millrace/queue'
import * as z from 'zod'

const main = join(import.meta.dirname, '..', 'src', 'cli', 'main.ts')
const silent = { debug() {}, info() {}, warn() {}, error() {} }

const orders = topic('orders', {
  schema: z.object({ type: z.literal('ORDER_CREATED'), orderId: z.string(), total: z.number() }),
  key: ({ orderId }) => orderId,
  partitions: 2,
})
const mails = queue('mails', { schema: z.object({ type: z.literal('MAIL'), to: z.string() }), partitions: 2 })

/** What a command said, and its exit code. */
export interface Said {
  readonly out: string
  readonly err: string
  readonly code: number | null
}

/** Runs a line of a shell in a folder, with `millrace` in it, and no log but the one that the line or the folder names. */
export function shell(folder: string, line: string, input = ''): Promise<Said> {
  const { promise, resolve, reject } = Promise.withResolvers<Said>()
  const { MILLRACE_URL: _, ...env } = process.env
  const script = `millrace() { '${process.execPath}' '${main}' "$@"; }\n${line}`
  const child = spawn('sh', ['-c', script], { cwd: folder, env, stdio: 'pipe' })
  let out = ''
  let err = ''
  child.stdout.setEncoding('utf8').on('data', (text) => {
    out += text
  })
  child.stderr.setEncoding('utf8').on('data', (text) => {
    err += text
  })
  child.on('error', reject)
  child.on('close', (code) => resolve({ out, err, code }))
  // A command that fails at once reads nothing.
  child.stdin.on('error', () => {})
  child.stdin.end(input)
  return promise
}

/**
 * A log in the default place of a folder, as apps left it: four orders, of which the payments of one are held, one is
 * dead; a task in an hour; and a group that has read nothing for a while.
 */
export async function makeLog(folder: string): Promise<void> {
  const url = `file:${join(folder, '.millrace', 'log.db')}`
  let ids = 0
  const settings = { url, logger: silent, id: () => `id-${++ids}` }
  {
    // Published at a time that stands still, so that tests know it.
    await using app = millrace('shop', { ...settings, clock: { now: () => new Date('2026-01-31T12:00:00Z') } })
    const totals = [249.97, 10, 99.5, 0]
    for (const [index, total] of totals.entries()) {
      await app.publish(orders, { type: 'ORDER_CREATED', orderId: `order-${index + 1}`, total })
    }
    await app.publish(orders, { type: 'ORDER_CREATED', orderId: 'order-2', total: 12 })
  }
  await using app = millrace('shop', settings)
  app.add(
    subscriber('payment', {
      from: orders,
      retry: { attempts: 9, delay: '1h', maxDelay: '1h' },
      on: ({ orderId, total }) => {
        if (orderId === 'order-2') throw new Error('the provider is down')
        if (total === 0) throw new RejectError('nothing to pay')
      },
    }),
    subscriber('audit', { from: orders, on: () => {} }),
    worker('mailers', { from: mails, on: { MAIL: () => {} } }),
  )
  await app.start()
  await app.send(mails, { type: 'MAIL', to: 'ada' }, { delay: '10h' })
  await app.settled({ timeout: '2s' }).catch(() => {})
}
