import { DatabaseSync } from 'node:sqlite'
import { expect, it, onTestFinished } from 'vitest'
import { until } from '../../conformance/until.ts'
import type { Log } from '../../log.ts'
import { ensureTopic, freshPath } from '../engine.test-support.ts'
import { openEmbeddedLog } from '../index.ts'

/** As of processes of their own, with one member each. */
class Sharers {
  readonly path = freshPath()
  readonly warnings: string[] = []
  readonly lost: number[] = []

  async open(sessionTimeoutMs: number): Promise<Log> {
    const ignore = () => {}
    const warn = (line: string) => void this.warnings.push(line)
    const logger = { debug: ignore, info: ignore, error: ignore, warn }
    const log = await openEmbeddedLog({ path: this.path, sessionTimeoutMs, logger })
    onTestFinished(() => log.close())
    await ensureTopic(log, 'orders', 4)
    const listener = {
      assigned: ignore,
      revoked: ignore,
      lost: (leases: readonly unknown[]) => void this.lost.push(leases.length),
      failed: ignore,
    }
    const member = await log.join({ group: 'workers', topics: ['orders'], listener })
    await until('its share', () => member.leases.length > 0)
    return log
  }
}

/** Resolves when the processes have said so often that they live. */
async function beats(path: string, count: number): Promise<void> {
  using file = new DatabaseSync(path)
  const sum = file.prepare('SELECT sum(heartbeat) AS beats FROM process')
  const now = () => Number(sum.get()?.beats)
  const before = now()
  await until(`${count} beats`, () => now() >= before + count)
}

it('two processes with unlike session timeouts do not take each other for hung', async () => {
  const sharers = new Sharers()
  await sharers.open(30_000)
  await sharers.open(500)
  // Two of the short timeouts, in which the other one beats less than once.
  await beats(sharers.path, 24)
  expect(sharers).toMatchObject({ lost: [], warnings: [] })
})

it('nobody is taken for hung while another program keeps the write lock for longer than the session timeout', async () => {
  const sharers = new Sharers()
  for (let process = 0; process < 4; process++) await sharers.open(500)
  using program = new DatabaseSync(sharers.path)
  for (let time = 0; time < 2; time++) {
    program.exec('BEGIN IMMEDIATE')
    const sinceMs = performance.now()
    await until('more than the session timeout to pass', () => performance.now() - sinceMs > 900)
    program.exec('ROLLBACK')
    await beats(sharers.path, 8)
  }
  expect(sharers).toMatchObject({ lost: [], warnings: [] })
})
