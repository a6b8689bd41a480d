import { defineConfig } from 'vitest/config'

/** unit: no file, no clock. int: files and processes. crash: processes that are killed. */
const tiers = ['unit', 'int', 'crash']

export default defineConfig({
  test: {
    pool: 'forks',
    maxWorkers: 2,
    projects: tiers.map((tier) => ({
      extends: true as const,
      test: {
        name: tier,
        include: [`{src,examples,bench,tests,scripts}/**/*.${tier}.test.ts`],
        testTimeout: tier === 'unit' ? 10_000 : 60_000,
        hookTimeout: 60_000,
      },
    })),
  },
})
