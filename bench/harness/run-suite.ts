import { mkdirSync, writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { join } from 'node:path'
import { runChild } from './child.ts'
import type { Group, Row, Suite } from './suite.ts'
import { formatTable } from './table.ts'

/** How a suite is run. */
export interface RunOptions {
  readonly full: boolean
  /** These groups alone; all when it is empty. */
  readonly only: readonly string[]
}

const groupProgram = join(import.meta.dirname, 'group.ts')
const results = join(import.meta.dirname, '..', 'results')

/** Measures a suite, prints its table and writes it to bench/results. Rejects when a group cannot be measured. */
export async function runSuite(suite: Suite, options: RunOptions): Promise<void> {
  const machine = `Node ${process.versions.node}, ${cpus().length} cores (${cpus()[0]?.model.trim() ?? 'unknown'})`
  const rows: Row[] = []
  const groups = suite.groups.filter(({ name }) => options.only.length === 0 || options.only.includes(name))
  for (const group of groups) {
    process.stderr.write(`measuring ${group.name} …\n`)
    rows.push(...(await measureApart(suite, group, options)))
  }
  console.log(`${suite.name}: ${suite.about}. ${machine}.\n\n${formatTable(rows)}`)
  mkdirSync(results, { recursive: true })
  const file = join(results, `${suite.name}.json`)
  writeFileSync(file, `${JSON.stringify({ suite: suite.name, machine, at: new Date(), rows }, undefined, 2)}\n`)
}

/** In a process of its own: no group runs on what the compiler and the collector made of an earlier one. */
function measureApart(suite: Suite, group: Group, { full }: RunOptions): Promise<readonly Row[]> {
  return runChild(groupProgram, { parameters: [suite.name, group.name, ...(full ? ['--full'] : [])] })
}
