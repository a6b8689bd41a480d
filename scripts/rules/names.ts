import type { Rule, Violation } from './project.ts'

const folders = /^(src|examples|bench|scripts|tests|docs)\//
const kebabCase = /^[a-z0-9]+(-[a-z0-9]+)*$/
/** What stands between the name and the ending of a TypeScript file. */
const infixes = /\.((unit|int|crash)\.test|test-support|types|config|d)$/

/** Files and folders are kebab-case, and a test names its tier: without one it would never run. */
export const names: Rule = {
  name: 'names',
  check({ files }) {
    const named = files.filter(({ path }) => folders.test(path))
    const violations = named.flatMap(({ path }): Violation[] => {
      const parts = path.split('/')
      const file = parts.pop()!
      const at = { path, line: 1, rule: 'names' }
      if (/\.test\.ts$/.test(file) && !infixes.test(file.slice(0, -3)))
        return [{ ...at, message: 'a test without a tier never runs', fix: 'end it in .unit, .int or .crash .test.ts' }]
      const stem = /^README\.md$/.test(file) ? 'readme' : stemOf(file)
      const wrong = [...parts, stem].filter((part) => !kebabCase.test(part))
      if (wrong.length === 0) return []
      return [{ ...at, message: `${wrong.join(', ')} is not kebab-case`, fix: 'lower case, words joined by hyphens' }]
    })
    return { seen: named.length, violations }
  },
}

function stemOf(file: string): string {
  if (file.endsWith('.ts')) return file.slice(0, -3).replace(infixes, '')
  return file.replace(/^\./, '').replace(/(\.[a-z0-9]+)+$/, '')
}
