import { describe, expect, it } from 'vitest'
import { withoutExceptions } from './exceptions.ts'

const violation = { path: 'src/core/a.ts', line: 3, rule: 'sleeps', message: 'setTimeout in a test', fix: 'wait' }
const exception = { rule: 'sleeps', path: 'src/core/a.ts', count: 2, reason: 'tests the system clock' }

describe('exceptions', () => {
  it('take out as many violations as they say', () => {
    expect(withoutExceptions([violation, violation], [exception])).toEqual([])
  })

  it('cover neither one more, nor another rule, nor another file', () => {
    expect(withoutExceptions([violation, violation, violation], [exception])).toHaveLength(3)
    const others = [
      { ...violation, rule: 'edges' },
      { ...violation, path: 'src/core/b.ts' },
    ]
    expect(withoutExceptions([violation, violation, ...others], [exception])).toEqual(others)
  })

  it.each([0, 1])('fail when only %i violations are left', (left) => {
    const found = withoutExceptions(
      Array.from({ length: left }, () => violation),
      [exception],
    )
    expect(found).toMatchObject([{ rule: 'exceptions', path: 'src/core/a.ts' }])
  })
})
