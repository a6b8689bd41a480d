import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { CrashHarness } from './harness.ts'
import { SeededRandom } from './random.ts'

const rounds = process.env.MILLRACE_LONG === '1' ? 250 : 15
const seed = Number(process.env.MILLRACE_SEED ?? Math.floor(Math.random() * 2 ** 31))

/** Several on one file are also stopped for a while, some for longer than the session timeout of a second. */
test.each([1, 3])(
  'what processes leave when they are killed is whole, round after round: %i at once',
  { timeout: 60_000 + rounds * 15_000 },
  async (processes) => {
    console.info(`seed ${seed}`)
    const folder = mkdtempSync(join(tmpdir(), 'millrace-crash-'))
    const harness = new CrashHarness({ folder, processes, random: new SeededRandom(seed), suspends: processes > 1 })
    for (let round = 1; round <= rounds; round++) expect(await harness.round(), `round ${round}`).toEqual([])
    expect(await harness.finish()).toEqual([])
    expect([...harness.seen].toSorted()).toEqual(['dead', 'delayed', 'finished ahead', 'following', 'held', 'redriven'])
    // Kept where the test fails, to look at.
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  },
)
