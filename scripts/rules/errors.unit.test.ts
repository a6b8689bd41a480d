import { describe, expect, it } from 'vitest'
import { errorClasses, errors, withErrorTable } from './errors.ts'
import { projectOf } from './project.ts'

const base = `/** The root. */
export abstract class MillraceError extends Error {
  abstract readonly code: string
  readonly retryable: boolean = false
}
`
const errorClass = (name: string, body: string, parent = 'MillraceError') =>
  `/** ${name} | happened. */\nexport class ${name} extends ${parent} {\n${body}\n}\n`
const filesOf = (text: string) => ({ 'src/core/errors.ts': base, 'src/log/errors.ts': text })
const check = (text: string) => {
  const project = projectOf(filesOf(text))
  const table = withErrorTable('# Errors\n', errorClasses(project))
  return errors
    .check(projectOf({ ...filesOf(text), 'docs/errors.md': table }))
    .violations.map(({ line, message }) => `${line} ${message}`)
}

describe('errors', () => {
  it.each([
    ['no code', '', '2 LostError has no code'],
    ['a code that is not a literal', 'readonly code = codeOf()', '2 LostError has no code'],
    ['a code that can change', "code = 'LOST'", '2 LostError has no code'],
    ['a code in lower case', "readonly code = 'lost'", '2 LostError has no code'],
  ])('finds %s', (_, body, message) => {
    expect(check(errorClass('LostError', body))).toEqual([message])
  })

  it('finds two classes with one code', () => {
    const text = errorClass('LostError', "readonly code = 'LOST'") + errorClass('GoneError', "readonly code = 'LOST'")
    expect(check(text)).toHaveLength(1)
  })

  it('finds an error that is thrown without a class of its own', () => {
    const text = `${errorClass('LostError', "readonly code = 'LOST'")}function f() {\n  throw new TypeError('lost')\n}`
    expect(check(text)).toEqual(['6 throws a plain TypeError'])
  })

  it('takes the code and retryable of the nearest parent that says them', () => {
    const text =
      errorClass('LostError', "readonly code = 'LOST'\n  override readonly retryable = true") +
      errorClass('DeepError', "override readonly code = 'DEEP'", 'LostError') +
      errorClass(
        'VagueError',
        "readonly code = 'VAGUE'\n  constructor(a: boolean) {\n    super()\n    this.retryable = a\n  }",
      ) +
      errorClass('OtherError', '', 'Error')
    const found = errorClasses(projectOf(filesOf(text))).map(
      ({ name, code, retryable }) => `${name} ${code} ${retryable}`,
    )
    expect(found).toEqual(['DeepError DEEP yes', 'LostError LOST yes', 'VagueError VAGUE depends'])
  })

  it('finds a table that is missing or old, and writes it into the text that is there', () => {
    const project = projectOf(filesOf(errorClass('LostError', "readonly code = 'LOST'")))
    expect(errors.check(project).violations).toMatchObject([{ path: 'docs/errors.md', fix: 'npm run docs' }])
    const written = withErrorTable('# Errors\n', errorClasses(project))
    expect(written).toContain('| `LOST` | `LostError` | LostError \\| happened. | no |')
    const edited = `${written.replace('`LOST`', '`OLD`')}\nAfter it.\n`
    expect(withErrorTable(edited, errorClasses(project))).toBe(`${written}\nAfter it.\n`)
  })
})
