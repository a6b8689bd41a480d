import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { openTestHome, temporaryFolder } from './sqlite-home.test-support.ts'

const child = fileURLToPath(new URL('crash-child.test-support.ts', import.meta.url))
const seed = Number(process.env.MILLRACE_SEED ?? Date.now() % 1_000_000)
const rounds = process.env.MILLRACE_LONG === '1' ? 100 : 5

test('a process that is killed leaves whole transactions, and every acknowledged one', {
  timeout: 120_000,
}, async () => {
  using folder = temporaryFolder()
  const path = folder.path('app.db')
  let acknowledged = -1
  console.info(`seed ${seed}`)
  for (let round = 1; round <= rounds; round++) {
    const running = spawn(process.execPath, [child, path], { stdio: ['ignore', 'pipe', 'inherit'] })
    const closed = once(running, 'close')
    const killAt = acknowledged + 50 + random(round, 400)
    for await (const line of createInterface(running.stdout)) {
      acknowledged = Math.max(acknowledged, Number(line))
      if (acknowledged >= killAt) running.kill('SIGKILL')
    }
    await closed
    await using test = await openTestHome({ path })
    const { items } = await test.db
      .selectFrom('items')
      .select(({ fn }) => fn.countAll<number>().as('items'))
      .executeTakeFirstOrThrow()
    const outbox = await test.home.outbox.read(0, Number.MAX_SAFE_INTEGER)
    const checkpoint = await test.home.claim({ group: 'g', logId: 'l', topic: 't', topicId: 'i', partition: 0 })
    expect(items).toBeGreaterThan(acknowledged)
    expect({ round, outbox: outbox.length, position: checkpoint.progress?.position }).toEqual({
      round,
      outbox: items,
      position: items,
    })
    expect(outbox.map(({ message }) => Number(message.value))).toEqual(Array.from({ length: items }, (_, id) => id))
  }
})

/** From 0 to `below`, the same for the same seed. */
function random(round: number, below: number): number {
  return createHash('sha256').update(`${seed}/${round}`).digest().readUInt32BE() % below
}
