import { describe, expect, it } from 'vitest'
import { docsIncludes, withIncludes } from './includes.ts'
import { projectOf } from './project.ts'

const program = "import 'millrace'\n\nrun()\n"
const regions = 'a()\n  // #region middle\n  b()\n    c()\n  // #endregion\nd()\n'
const files = { 'examples/first.ts': program, 'examples/regions.ts': regions }
const marker = '<!-- include: examples/first.ts -->'
const block = `${marker}\n\`\`\`ts\nimport 'millrace'\n\nrun()\n\`\`\``
const check = (text: string) =>
  docsIncludes
    .check(projectOf({ ...files, 'README.md': text }))
    .violations.map(({ line, message }) => `${line} ${message}`)
const update = (text: string) => withIncludes(text, projectOf(files)).text

describe('docs-includes', () => {
  it('lets code pass that is the code of its file', () => {
    expect(check(`# A\n\n${block}\n\nmore\n`)).toEqual([])
  })

  it.each([
    ['changed code', `\n${block.replace('run()', 'walk()')}\n`, '2 the code is not that of examples/first.ts'],
    ['a marker without code', `${marker}\n\nmore\n`, '1 the code is not that of examples/first.ts'],
    ['a missing file', '<!-- include: examples/none.ts -->\n', '1 there is no examples/none.ts to include'],
    [
      'a missing region',
      '<!-- include: examples/regions.ts#none -->\n',
      '1 there is no examples/regions.ts#none to include',
    ],
  ])('finds %s', (_, text, message) => {
    expect(check(text)).toEqual([message])
  })

  it('writes the code below its marker, once', () => {
    const written = update(`# A\n\n${marker}\n\nmore\n`)
    expect(written).toBe(`# A\n\n${block}\n\nmore\n`)
    expect(update(written)).toBe(written)
    expect(update(written.replace('run()', 'walk()'))).toBe(written)
  })

  it('writes a region of a file, moved to the margin', () => {
    expect(update('<!-- include: examples/regions.ts#middle -->\n')).toBe(
      '<!-- include: examples/regions.ts#middle -->\n```ts\nb()\n  c()\n```\n',
    )
  })
})
