import { statSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { describe, expect, it } from 'vitest'
import { silentLogger } from '../../../core/logger.ts'
import { ManualClock } from '../../../core/manual-clock.ts'
import { staged } from '../../conformance/harness.ts'
import { until } from '../../conformance/until.ts'
import type { Log, TopicPartition } from '../../log.ts'
import { ensureTopic, freshPath, readValues } from '../engine.test-support.ts'
import { openEmbeddedLog } from '../index.ts'

const mb = 1024 * 1024
const value = 'x'.repeat(200_000)
const walBytes = (path: string) => statSync(`${path}-wal`).size

/** One commit after the other, of 200 KB each. */
async function commitMany(log: Log, partition: TopicPartition, count: number): Promise<void> {
  for (let number = 0; number < count; number++) await log.commit({ batches: [staged(partition, value)] })
}

describe.each([
  ['in line', Number.POSITIVE_INFINITY],
  ['by a thread', 0],
])('the write-ahead log of a file that is checkpointed %s', (_, inlineLimitMs) => {
  it('begins again while much is written, and nothing is lost', async () => {
    const path = freshPath()
    const log = await openEmbeddedLog({ path, checkpoints: { inlineLimitMs, walBytesLimit: mb } })
    const [partition] = await ensureTopic(log, 'orders')
    // The thread takes a moment to start; afterwards the WAL begins again and again, however much is written.
    await until('the WAL to begin again', async () => {
      await Promise.all(Array.from({ length: 4 }, () => commitMany(log, partition!, 10)))
      return walBytes(path) < 6 * mb
    })
    const [end] = await log.offsets('end', [partition!])
    await log.close()
    await using again = await openEmbeddedLog({ path })
    expect(await readValues(again, partition!)).toEqual(Array.from({ length: end! }, () => value))
  })

  it('grows while a reader does not let go, names it, and shrinks when it lets go', async () => {
    const path = freshPath()
    const warnings: string[] = []
    const clock = new ManualClock(0)
    const logger = { ...silentLogger, warn: (message: string) => void warnings.push(message) }
    const checkpoints = { inlineLimitMs, walBytesLimit: mb }
    await using log = await openEmbeddedLog({ path, logger, checkpoints, clock })
    const [partition] = await ensureTopic(log, 'orders')
    await commitMany(log, partition!, 1)

    const other = new DatabaseSync(path)
    other.exec('BEGIN')
    other.prepare('SELECT count(*) FROM batch').get()
    await commitMany(log, partition!, 60)
    await until('the warning', () => warnings.length > 0)
    await commitMany(log, partition!, 30)
    expect(warnings).toHaveLength(1)
    expect(warnings[0]).toMatch(/-wal file of the log .* has grown to \d+ MB: .* does not let go.*end the process/)
    expect(walBytes(path)).toBeGreaterThan(15 * mb)
    if (process.platform === 'linux') {
      expect(warnings[0]).toContain(`this process (${process.pid})`)
      const finding = (await log.diagnose()).find(({ subject }) => subject === 'write-ahead log')
      expect(finding).toMatchObject({ verdict: 'notice', value: expect.stringContaining(`held back by this process`) })
    }

    other.exec('ROLLBACK')
    other.close()
    // No commit is needed to move it, and one to begin it again.
    clock.advanceTo(clock.nextAtMs!)
    await until('the WAL to be cut', async () => {
      await commitMany(log, partition!, 1)
      return walBytes(path) <= 2 * mb
    })
    expect(await readValues(log, partition!)).toHaveLength((await log.offsets('end', [partition!]))[0]!)
  })
})
