import type { Difference, EngineHarness } from './harness.ts'
import { Trial } from './harness.ts'

/** Runs `show` on a log of its own, and closes that. */
export async function run(harness: EngineHarness, show: (trial: Trial) => Promise<void>): Promise<void> {
  const trial = new Trial(harness, await harness.open())
  try {
    await show(trial)
  } finally {
    await trial.close()
  }
}

/** Passes when the engine lacks the behaviour and does what the difference says. Throws for a needless declaration. */
export async function runDifference(
  harness: EngineHarness,
  difference: Difference,
  show: (trial: Trial) => Promise<void>,
): Promise<void> {
  const failed = await run(harness, show).then(
    () => false,
    () => true,
  )
  if (!failed) throw new Error(`The engine shows '${difference.title}': remove the difference`)
  await run(harness, difference.instead)
}

/** Titles of differences that no behaviour has, misspelt or outdated. */
export function unmatched(differences: readonly Difference[], titles: readonly string[]): readonly string[] {
  return differences.map(({ title }) => title).filter((title) => !titles.includes(title))
}
