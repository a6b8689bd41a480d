/** `npm run bench -- embedded`. Prints what it saw; no figure makes it fail. */
import { parseArgs } from 'node:util'
import { runSuite } from './harness/run-suite.ts'
import type { Suite } from './harness/suite.ts'
import { suites } from './suites.ts'

const usage = 'npm run bench -- <suite> [--full] [--only <group>]…'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { full: { type: 'boolean', default: false }, only: { type: 'string', multiple: true, default: [] } },
})
const chosen = suites.filter(({ name }) => positionals.includes(name))
const groups = new Set(chosen.flatMap((suite) => suite.groups.map(({ name }) => name)))
const isKnown = chosen.length === positionals.length && values.only.every((name) => groups.has(name))
if (chosen.length > 0 && isKnown) {
  for (const suite of chosen) await runSuite(suite, values)
} else {
  console.log(`${usage}\n\nSuites:\n${suites.map(describeSuite).join('\n')}`)
  if (!isKnown) process.exitCode = 1
}

function describeSuite({ name, about, groups }: Suite): string {
  return `  ${name}: ${about}\n    groups: ${groups.map((group) => group.name).join(', ')}`
}
