import { describe, expect, it } from 'vitest'
import { projectOf } from './project.ts'
import { fileLength, functionLength } from './sizes.ts'

const lines = (count: number) => Array.from({ length: count }, (_, index) => `  call(${index})\n`).join('')
const functionOf = (body: string) => `export function long() {\n${body}}\n`

describe('file-length', () => {
  it('finds a file of 401 lines, and a test of 801', () => {
    const { violations } = fileLength.check(
      projectOf({
        'src/core/long.ts': lines(401),
        'src/core/fits.ts': lines(400),
        'src/core/long.unit.test.ts': lines(801),
        'src/core/fits.unit.test.ts': lines(800),
        'src/core/long.test-support.ts': lines(401),
      }),
    )
    expect(violations.map(({ path }) => path)).toEqual([
      'src/core/long.test-support.ts',
      'src/core/long.ts',
      'src/core/long.unit.test.ts',
    ])
  })
})

describe('function-length', () => {
  const messagesOf = (text: string) =>
    functionLength
      .check(projectOf({ 'src/core/a.ts': text }))
      .violations.map(({ line, message }) => `${line} ${message}`)

  it('finds a function of 71 lines and lets one of 70 pass', () => {
    expect(messagesOf(functionOf(lines(69)))).toEqual(['1 a function of 71 lines, at most 70'])
    expect(messagesOf(functionOf(lines(68)))).toEqual([])
  })

  it.each([
    ['a method', `class A {\n  long() {\n${lines(70)}  }\n}\n`],
    ['a constructor', `class A {\n  constructor() {\n${lines(70)}  }\n}\n`],
    ['an arrow function', `const long = () => {\n${lines(70)}}\n`],
    ['a callback', `run(() => {\n${lines(70)}})\n`],
  ])('finds %s', (_, text) => {
    expect(messagesOf(text)).toHaveLength(1)
  })

  it('does not count callbacks of tests, nor their lines for the function that registers them', () => {
    const test = `import { it } from 'vitest'\nexport function cases() {\n  it('holds', () => {\n${lines(100)}  })\n}\n`
    expect(messagesOf(test)).toEqual([])
    expect(messagesOf(test.replace("'vitest'", "'./other.ts'"))).toHaveLength(2)
  })

  it('counts a helper inside of a test file', () => {
    expect(messagesOf(`import { it } from 'vitest'\n${functionOf(lines(70))}`)).toHaveLength(1)
  })
})
