/**
 * The one suite that every engine passes. Nothing in it relies on offsets without gaps, on immediate rebalances or on
 * what only one process can see.
 */
import { describe, expect, it } from 'vitest'
import { admin } from './admin.ts'
import { appendAndRead } from './append-and-read.ts'
import { cleaning } from './cleaning.ts'
import { commits } from './commits.ts'
import { run, runDifference, unmatched } from './differences.ts'
import { fencing } from './fencing.ts'
import { groups } from './groups.ts'
import type { Behaviours, EngineHarness } from './harness.ts'
import { lifecycle } from './lifecycle.ts'
import { offsets } from './offsets.ts'
import { reading } from './reading.ts'
import { several } from './several.ts'
import { stores } from './stores.ts'
import { topics } from './topics.ts'

export type { Behaviours, Difference, EngineHarness, Trial } from './harness.ts'

/** For engines that several may have open at once. */
const sharedSuite: Readonly<Record<string, Behaviours>> = { 'several at once': several }
const suite: Readonly<Record<string, Behaviours>> = {
  topics,
  'append and read': appendAndRead,
  reading,
  offsets,
  commits,
  fencing,
  stores,
  groups,
  admin,
  cleaning,
  lifecycle,
}

/** Defines the suite's tests for one engine. */
export function describeLogEngine(name: string, harness: EngineHarness): void {
  const differences = new Map((harness.differences ?? []).map((difference) => [difference.title, difference]))
  describe(`${name}, as a log`, () => {
    const all = harness.openAnother === undefined ? suite : { ...suite, ...sharedSuite }
    for (const [subject, behaviours] of Object.entries(all)) {
      describe(subject, () => {
        for (const [title, show] of Object.entries(behaviours)) {
          const difference = differences.get(title)
          if (difference === undefined) {
            it(title, () => run(harness, show))
            continue
          }
          it(`does not: ${title} (${difference.reason})`, () => runDifference(harness, difference, show))
        }
      })
    }
    it('declares differences of behaviours that exist', () => {
      const titles = Object.values(all).flatMap((behaviours) => Object.keys(behaviours))
      expect(unmatched([...differences.values()], titles)).toEqual([])
    })
  })
}
