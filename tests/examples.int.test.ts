import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

/** Each example runs as a user runs it, in an empty folder, and prints what it says. */
const examples = join(import.meta.dirname, '..', 'examples')
const run = promisify(execFile)

let cwd: string
beforeEach(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'millrace-example-'))
})
afterEach(() => rm(cwd, { recursive: true, force: true }))

describe('examples', () => {
  it('first.ts takes the payment of an order', async () => {
    expect(await linesOf('first.ts')).toEqual(['taking 249.97 for order-1'])
  })

  it('first.ts handles its next order alone when it runs again on the same log', async () => {
    await linesOf('first.ts')
    expect(await linesOf('first.ts')).toEqual(['taking 249.97 for order-1'])
  })

  it('01-event-driven-order lets three services react to one order', async () => {
    const lines = await linesOf('patterns/01-event-driven-order.ts')
    expect(lines.map((line) => line.replace(/payment-\S+$/, 'payment-<id>')).sort()).toEqual([
      '[Inventory] order-1: 2 lines reserved',
      '[Notification] order-1: paid, payment-<id>',
      '[Notification] user-123: order-1 received',
      '[Payment] order-1: 249.97 taken',
    ])
  })

  it('02-task-queue resizes the image, and ends while the e-mail waits', async () => {
    expect(await linesOf('patterns/02-task-queue.ts')).toEqual(['resize 456'])
  })

  it('03-pub-sub gives the event to both subscribers', async () => {
    const lines = await linesOf('patterns/03-pub-sub.ts')
    expect([...lines].sort()).toEqual(['analytics: USER_REGISTERED', 'welcome, user-123'])
  })

  it('keep the start-up table off standard output', async () => {
    const { stdout, stderr } = await output('first.ts')
    expect(stdout).not.toContain('commits in')
    expect(stderr).toMatch(/subscriber payment +orders +log/)
  })

  it('keep the log in the folder where they run', async () => {
    await linesOf('first.ts')
    expect((await readFile(join(cwd, '.millrace', 'log.db'))).subarray(0, 15).toString()).toBe('SQLite format 3')
  })
})

async function linesOf(example: string): Promise<readonly string[]> {
  return (await output(example)).stdout.trim().split('\n')
}
async function output(example: string): Promise<{ readonly stdout: string; readonly stderr: string }> {
  const { MILLRACE_URL: _log, DATABASE_URL: _database, ...env } = process.env
  return run(process.execPath, [join(examples, example)], { cwd, env })
}
