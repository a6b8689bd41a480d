import { type ChildProcess, spawn } from 'node:child_process'
import { globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { summarize, summaryLine, type VitestReport } from './test-summary.ts'

/**
 * `npm test`: the check, then the tests. Arguments go to Vitest (`npm test -- src/queue`); `--long` runs the crash tests
 * as often as a release asks for. The last line is the total: `N passed, N failed`.
 */
const root = join(import.meta.dirname, '..')
const reports = join(root, 'reports')
const reportFile = join(reports, 'vitest.json')
const isLong = process.argv.includes('--long')
const filters = process.argv.slice(2).filter((argument) => argument !== '--long')
if (isLong) process.env.MILLRACE_LONG = '1'

let running: ChildProcess | undefined
let isStopped = false
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
  process.on(signal, () => {
    isStopped = true
    running?.kill(signal)
  })

const checks = {
  tsc: ['typescript/bin/tsc', '-p', '.'],
  biome: ['@biomejs/biome/bin/biome', 'check', '--error-on-warnings', '.'],
  rules: ['../scripts/check-rules.ts'],
}
const vitest = ['vitest/vitest.mjs', 'run', '--reporter=default', '--reporter=json', `--outputFile.json=${reportFile}`]

rmSync(reports, { recursive: true, force: true })
mkdirSync(reports)
const failedChecks: string[] = []
for (const [name, command] of Object.entries(checks)) if ((await run(command)) !== 0) failedChecks.push(name)
const exitCode = await run([...vitest, ...filters])

const isComplete = Boolean(process.env.CI) && filters.length === 0
const tiers = ['unit', 'int', 'crash'].filter((tier) => hasTests(tier))
const options = { isComplete, tiers }
let summary = summarize(readReport(), { ...options, failedChecks })
// Vitest also fails for what is no test's fault: an error after the last one, a worker that does not end.
if (exitCode !== 0 && summary.failed === 0)
  summary = summarize(readReport(), { ...options, failedChecks: [...failedChecks, 'vitest'] })
for (const fault of summary.faults) console.error(`npm test: ${fault}`)
writeFileSync(join(reports, 'summary.txt'), `${summaryLine(summary)}\n`)
console.log(summaryLine(summary))
process.exitCode = summary.failed > 0 ? 1 : 0

/** Runs a tool of the checkout under this Node, and gives its exit code; 1 when it was killed or did not start. */
function run([tool = '', ...options]: readonly string[]): Promise<number> {
  if (isStopped) return Promise.resolve(1)
  return new Promise((resolve) => {
    running = spawn(process.execPath, [join(root, 'node_modules', tool), ...options], { cwd: root, stdio: 'inherit' })
    running.once('error', () => resolve(1))
    running.once('exit', (code) => resolve(code ?? 1))
  })
}

function hasTests(tier: string): boolean {
  const pattern = `{src,examples,bench,tests,scripts}/**/*.${tier}.test.ts`
  return globSync(pattern, { cwd: root }).length > 0
}

function readReport(): VitestReport | undefined {
  try {
    return JSON.parse(readFileSync(reportFile, 'utf8'))
  } catch {
    return undefined
  }
}
