import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { millrace, RejectError, topic } from 'millrace'
import { subscriber } from 'millrace/pubsub'
import { queue, worker } from 'millrace/queue'
import { database } from 'millrace/sql'
import { expect, vi } from 'vitest'
import * as z from 'zod'
import { runCommandLine } from '../src/cli/run.ts'

/** The program. */
export const main: string = join(import.meta.dirname, '..', 'src', 'cli', 'main.ts')
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
  const { MILLRACE_URL: _, DATABASE_URL: __, ...env } = process.env
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

/** The same without a process and without a shell: words of the line, nothing quoted. For what needs neither. */
export async function inProcess(folder: string, line: string): Promise<Said> {
  const said = { out: '', err: '' }
  const into = (name: keyof typeof said) => ({
    write: (text: string) => {
      said[name] += text
    },
  })
  const [, ...args] = line.split(' ')
  const url = args.includes('--url') ? [] : ['--url', `file:${join(folder, '.millrace', 'log.db')}`]
  const code = await runCommandLine(args.length === 0 ? [] : [...args, ...url], {
    stdin: process.stdin,
    stdout: into('out'),
    stderr: into('err'),
    once: () => {},
  })
  return { ...said, code }
}

/**
 * A log and a database in the default places of a folder, as apps left them: of five orders the payments of two wait and
 * one is dead; the stock of one waits in the database; and there is a task for later.
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
    subscriber('stock', {
      from: orders,
      database: database('stock', { url: `file:${join(folder, '.millrace', 'app.db')}` }),
      retry: { attempts: 9, delay: '8h', maxDelay: '8h' },
      on: ({ orderId }) => {
        if (orderId === 'order-3') throw new Error('the shelf is locked')
      },
    }),
    worker('mailers', { from: mails, on: { MAIL: () => {} } }),
  )
  await app.start()
  await app.send(mails, { type: 'MAIL', to: 'ada' }, { delay: '10h' })
  // What is held keeps an app from being settled.
  await vi.waitFor(
    async () => {
      const { components } = await app.status()
      const isThere = components.every(({ group }) => group?.lag === 0 && group.lanes.busy === 0)
      const held = components.reduce((sum, { group }) => sum + group!.held.records, 0)
      expect({ isThere, held }).toEqual({ isThere: true, held: 3 })
    },
    { timeout: 20_000, interval: 10 },
  )
}

/** Runs the payments of a log that `makeLog` made, once more and without an order that fails: what they handled. */
export async function payAgain(folder: string): Promise<readonly { orderId: string; total: number }[]> {
  const handled: { orderId: string; total: number }[] = []
  const done = Promise.withResolvers<void>()
  await using app = millrace('shop', { url: `file:${join(folder, '.millrace', 'log.db')}`, logger: silent })
  app.add(
    subscriber('payment', {
      from: orders,
      on: ({ orderId, total }) => {
        handled.push({ orderId, total })
        done.resolve()
      },
    }),
  )
  await app.start()
  await done.promise
  return handled
}
