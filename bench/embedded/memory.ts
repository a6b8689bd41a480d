import { join } from 'node:path'
import { buildProgram } from '../harness/built-program.ts'
import { runChild } from '../harness/child.ts'
import type { Group, Row } from '../harness/suite.ts'
import { formatNumber } from '../harness/table.ts'
import type { Passed } from './memory-program.ts'

const goalMb = 300
const files = ['memory-program.ts', 'apps.ts', '../harness/orders.ts'].map((name) => join(import.meta.dirname, name))
/** V8 lets its young generation grow to what suits the machine's memory; this bounds it, in MiB for each half. */
const smallYoungGeneration = '--max-semi-space-size=16'

/** Records that one process publishes and handles at the same time, and the most memory that it ever had. */
export const memory: Group = {
  name: 'memory',
  measure: async ({ folder, full }) => {
    const records = full ? 10_000_000 : 2_000_000
    // A program of its own, with nothing loaded that the figure is not about.
    const program = buildProgram(folder, files)
    const pass = (flags: readonly string[]) =>
      runChild<Passed>(program, { parameters: [folder.newPath('log'), String(records)], flags })
    const what = `peak RSS while ${formatNumber(records)} records pass`
    return [
      describe(what, await pass([])),
      describe(`${what}, node ${smallYoungGeneration}`, await pass([smallYoungGeneration])),
    ]
  },
}

function describe(what: string, { peakMb, youngMb, rate }: Passed): Row {
  return {
    what,
    unit: 'MB',
    value: peakMb,
    lowest: peakMb,
    highest: peakMb,
    note: `young generation ${formatNumber(youngMb)} MB; ${formatNumber(rate)} records/s published and handled`,
    goal: { text: '< 300', met: peakMb < goalMb },
  }
}
