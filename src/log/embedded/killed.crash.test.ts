import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { ensureTopic, freshPath, readValues } from './engine.test-support.ts'
import { openEmbeddedLog } from './index.ts'

const child = fileURLToPath(new URL('appending-child.test-support.ts', import.meta.url))
const seed = Number(process.env.MILLRACE_SEED ?? Date.now() % 1_000_000)
const rounds = process.env.MILLRACE_LONG === '1' ? 30 : 3

test.each([1, 8])(
  'a process that is killed with %s appends under way leaves whole units, every acknowledged one',
  {
    timeout: rounds * 20_000,
  },
  async (atOnce) => {
    const path = freshPath()
    console.info(`seed ${seed}`)
    const acknowledged = new Set<number>()
    for (let round = 1; round <= rounds; round++) {
      const running = spawn(process.execPath, [child, path, String(atOnce)], { stdio: ['ignore', 'pipe', 'inherit'] })
      const closed = once(running, 'close')
      const killAt = acknowledged.size + 20 + random(`${atOnce}/${round}`, 500)
      for await (const line of createInterface(running.stdout)) {
        acknowledged.add(Number(line))
        if (acknowledged.size >= killAt) running.kill('SIGKILL')
      }
      await closed
      expect(running.signalCode).toBe('SIGKILL')
      await expectWhole(path, acknowledged)
    }
  },
)

async function expectWhole(path: string, acknowledged: ReadonlySet<number>): Promise<void> {
  await using log = await openEmbeddedLog({ path })
  const [orders] = await ensureTopic(log, 'orders')
  const [copies] = await ensureTopic(log, 'copies')
  const numbers = (await readValues(log, orders!)).map(Number)
  // Also that offsets are contiguous: a reader went through all of them to the end.
  expect(await log.offsets('end', [orders!, copies!])).toEqual([numbers.length, numbers.length])
  expect(numbers).toEqual(numbers.map((_, index) => index))
  expect((await readValues(log, copies!)).map(Number)).toEqual(numbers)
  expect(await log.committed('copier', [orders!])).toEqual([{ position: numbers.length, metadata: '' }])
  expect(numbers.length).toBeGreaterThan(Math.max(...acknowledged))
}

/** From 0 to `below`, the same for the same seed. */
function random(what: string, below: number): number {
  return createHash('sha256').update(`${seed}/${what}`).digest().readUInt32BE() % below
}
