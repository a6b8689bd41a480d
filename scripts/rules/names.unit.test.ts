import { describe, expect, it } from 'vitest'
import { names } from './names.ts'
import { projectOf } from './project.ts'

const check = (path: string) => names.check(projectOf({ [path]: '' })).violations.map(({ message }) => message)

describe('names', () => {
  it.each([
    ['src/core/logLevel.ts', 'logLevel is not kebab-case'],
    ['src/Core/clock.ts', 'Core is not kebab-case'],
    ['docs/file_format.md', 'file_format is not kebab-case'],
    ['src/core/clock.test.ts', 'a test without a tier never runs'],
    ['src/core/clock.spec.ts', 'clock.spec is not kebab-case'],
  ])('finds %s', (path, message) => {
    expect(check(path)).toEqual([message])
  })

  it.each([
    'src/core/clock.ts',
    'src/core/commit-home.unit.test.ts',
    'src/core/commit-home.test-support.ts',
    'src/queue/queue.types.ts',
    'docs/adr/0001-embedded-log.md',
    'examples/shop/README.md',
    'examples/data/cdnow-sample.csv',
    'src/log/records/fixtures/one-record.bin.gz',
    'tests/.gitignore',
    'LICENSE',
  ])('lets %s pass', (path) => {
    expect(check(path)).toEqual([])
  })
})
