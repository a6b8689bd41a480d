import { describe, expect, it } from 'vitest'
import { summarize, summaryLine, type TestFile } from './test-summary.ts'

const file = (name: string, ...statuses: string[]): TestFile => ({
  name,
  status: statuses.includes('failed') ? 'failed' : 'passed',
  assertionResults: statuses.map((status, index) => ({ status, fullName: `test ${index}` })),
})
const reportOf = (...testResults: TestFile[]) => ({ testResults })

describe('the summary of a test run', () => {
  it('adds up the tests of all files', () => {
    const report = reportOf(file('a.unit.test.ts', 'passed', 'passed'), file('b.int.test.ts', 'passed', 'failed'))
    expect(summaryLine(summarize(report))).toBe('3 passed, 1 failed')
  })

  it('fails without a report, and without a test', () => {
    expect(summarize(undefined)).toEqual({ passed: 0, failed: 1, faults: ['no test ran'] })
    expect(summarize(reportOf(file('a.unit.test.ts', 'skipped')))).toMatchObject({ passed: 0, failed: 1 })
  })

  it('fails for a file that could not be loaded', () => {
    const broken = { ...file('b.unit.test.ts'), status: 'failed' }
    expect(summarize(reportOf(file('a.unit.test.ts', 'passed'), broken))).toEqual({
      passed: 1,
      failed: 1,
      faults: ['b.unit.test.ts could not be run'],
    })
  })

  it('fails for a check that found faults', () => {
    const summary = summarize(reportOf(file('a.unit.test.ts', 'passed')), { failedChecks: ['biome'] })
    expect(summary).toEqual({ passed: 1, failed: 1, faults: ['biome found faults'] })
  })

  it('fails in CI for a skipped test and for a tier that did not run, and not elsewhere', () => {
    const report = reportOf(file('a.unit.test.ts', 'passed', 'skipped'), file('b.int.test.ts', 'pending'))
    const tiers = ['unit', 'int', 'crash']
    expect(summarize(report, { isComplete: true, tiers }).faults).toEqual([
      'skipped: test 1',
      'skipped: test 0',
      'tier int did not run',
      'tier crash did not run',
    ])
    expect(summarize(report, { tiers }).failed).toBe(0)
  })
})
