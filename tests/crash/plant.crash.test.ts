import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { CrashHarness } from './harness.ts'
import { SeededRandom } from './random.ts'

const isLong = process.env.MILLRACE_LONG === '1'
const seed = Number(process.env.MILLRACE_SEED ?? Math.floor(Math.random() * 2 ** 31))

/** Several on one file are also stopped for a while, some for longer than the session timeout of a second. */
test.each([
  { processes: 1, rounds: isLong ? 250 : 22 },
  { processes: 3, rounds: isLong ? 250 : 8 },
])(
  'what processes leave when they are killed is whole, round after round: $processes at once',
  { timeout: 60_000 + (isLong ? 250 : 22) * 15_000 },
  async ({ processes, rounds }) => {
    console.info(`seed ${seed}`)
    const folder = mkdtempSync(join(tmpdir(), 'millrace-crash-'))
    const harness = new CrashHarness({ folder, processes, random: new SeededRandom(seed), suspends: processes > 1 })
    for (let round = 1; round <= rounds; round++) expect(await harness.round(), `round ${round}`).toEqual([])
    expect(await harness.finish()).toEqual([])
    const waiting = ['delayed', 'finished ahead', 'following', 'grave', 'held']
    const over = ['cancelled', 'dead', 'discarded', 'redriven', 'sent twice']
    const cleaned = ['cleaned: lasts', 'cleaned: recents', 'cleaned: states']
    expect([...harness.seen].toSorted()).toEqual([...waiting, ...over, ...cleaned].toSorted())
    // Kept where the test fails, to look at.
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  },
)
