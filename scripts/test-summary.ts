/** A test file in Vitest's JSON report. */
export interface TestFile {
  readonly name: string
  readonly status: string
  readonly assertionResults: readonly { readonly status: string; readonly fullName: string }[]
}

/** The part of Vitest's JSON report that is counted. */
export interface VitestReport {
  readonly testResults: readonly TestFile[]
}

/** Totals of a run, and what else is wrong with it in words. */
export interface Summary {
  readonly passed: number
  readonly failed: number
  readonly faults: readonly string[]
}

/** How a run is judged. */
export interface SummaryOptions {
  /** Names of the parts of the check (compiler, linter, rules) that failed; each counts as a failure. */
  readonly failedChecks?: readonly string[]
  /** True in CI: then a test that was skipped, or a tier of which nothing ran, counts as a failure. */
  readonly isComplete?: boolean
  /** The tiers that have a test file. */
  readonly tiers?: readonly string[]
}

/** Counts a run. No report, no test, or a file that could not be loaded count as a failure. */
export function summarize(report: VitestReport | undefined, options: SummaryOptions = {}): Summary {
  const { failedChecks = [], isComplete = false, tiers = [] } = options
  const faults = failedChecks.map((check) => `${check} found faults`)
  const files = report?.testResults ?? []
  const tests = files.flatMap(({ assertionResults }) => assertionResults)
  const passed = tests.filter(({ status }) => status === 'passed').length
  const failed = tests.filter(({ status }) => status === 'failed').length
  for (const { name, status, assertionResults } of files)
    if (status === 'failed' && !assertionResults.some((test) => test.status === 'failed'))
      faults.push(`${name} could not be run`)
  if (passed + failed === 0) faults.push('no test ran')
  if (isComplete) {
    for (const { fullName, status } of tests)
      if (status !== 'passed' && status !== 'failed') faults.push(`skipped: ${fullName}`)
    for (const tier of tiers) if (!files.some((file) => hasRun(file, tier))) faults.push(`tier ${tier} did not run`)
  }
  return { passed, failed: failed + faults.length, faults }
}

/** `12 passed, 0 failed`. */
export function summaryLine({ passed, failed }: Summary): string {
  return `${passed} passed, ${failed} failed`
}

function hasRun({ name, assertionResults }: TestFile, tier: string): boolean {
  const isOfTier = name.endsWith(`.${tier}.test.ts`)
  return isOfTier && assertionResults.some(({ status }) => status === 'passed' || status === 'failed')
}
