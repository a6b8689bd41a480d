import { describe, expect, it } from 'vitest'
import { projectOf } from './project.ts'
import { allRules, checkRules, report } from './rules.ts'

const violation = { path: 'src/core/b.ts', line: 3, rule: 'names', message: 'wrong', fix: 'right it' }

describe('checkRules', () => {
  it('fails every rule on a project without a file', () => {
    const { violations } = checkRules(projectOf({}), allRules, [])
    const blind = violations.filter(({ message }) => message === 'the rule saw nothing').map(({ rule }) => rule)
    expect(blind).toEqual(allRules.map(({ name }) => name))
  })

  it('has a name of its own for each rule', () => {
    expect(new Set(allRules.map(({ name }) => name)).size).toBe(allRules.length)
  })

  it('applies the exceptions', () => {
    const rule = { name: 'names', check: () => ({ seen: 1, violations: [violation] }) }
    const exception = { rule: 'names', path: violation.path, count: 1, reason: 'planted' }
    expect(checkRules(projectOf({}), [rule], []).violations).toEqual([violation])
    expect(checkRules(projectOf({}), [rule], [exception]).violations).toEqual([])
  })
})

describe('report', () => {
  it('groups by file, in the order of lines, and counts by rule', () => {
    const found = [violation, { ...violation, line: 1 }, { ...violation, path: 'src/core/a.ts', rule: 'edges' }]
    expect(report(found)).toBe(
      [
        'src/core/a.ts:3 edges: wrong — right it',
        '',
        'src/core/b.ts:1 names: wrong — right it',
        'src/core/b.ts:3 names: wrong — right it',
        '',
        'rules: 3 violations (2 names, 1 edges)',
      ].join('\n'),
    )
  })
})
