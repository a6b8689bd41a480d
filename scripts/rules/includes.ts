import { documentsOf } from './links.ts'
import { lineAt, type Project, type Rule, type Violation } from './project.ts'

const rule = 'docs-includes'

/** `<!-- include: path -->` or `<!-- include: path#region -->`, and the fenced block right below it. */
const include = /<!-- include: ([^\s#]+)(?:#([\w-]+))? -->\n(?:(```+)(\w*)\n([\s\S]*?)\n\3(?=\n|$))?/g

/** Code in the documents is the code of the files that the tests run. */
export const docsIncludes: Rule = {
  name: rule,
  check(project) {
    const violations: Violation[] = []
    const documents = documentsOf(project)
    for (const { path, text } of documents) {
      const result = withIncludes(text, project)
      for (const { position, message } of result.faults)
        violations.push({
          path,
          line: lineAt(text, position),
          rule,
          message,
          fix: 'name a file and a region that exist',
        })
      for (const { position, source } of result.stale) {
        const message = `the code is not that of ${source}`
        violations.push({ path, line: lineAt(text, position), rule, message, fix: 'npm run docs' })
      }
    }
    return { seen: documents.length, violations }
  },
}

/** A document with its included code brought up to date. */
export interface Included {
  readonly text: string
  /** The includes whose code was another one. */
  readonly stale: readonly { readonly position: number; readonly source: string }[]
  /** The includes that name nothing. */
  readonly faults: readonly { readonly position: number; readonly message: string }[]
}

/** Puts the code of the named files below their markers. What cannot be found stays as it is. */
export function withIncludes(text: string, project: Project): Included {
  const stale: { position: number; source: string }[] = []
  const faults: { position: number; message: string }[] = []
  const updated = text.replace(include, (whole, path: string, region: string | undefined, ...rest) => {
    const position: number = rest[3]
    const source = region === undefined ? path : `${path}#${region}`
    const code = codeOf(project.textOf(path), region)
    if (code === undefined) {
      faults.push({ position, message: `there is no ${source} to include` })
      return whole
    }
    const language = /\.(\w+)$/.exec(path)?.[1] ?? ''
    const block = `<!-- include: ${source} -->\n\`\`\`${language}\n${code}\n\`\`\``
    if (block === whole) return whole
    stale.push({ position, source })
    // Without a block below it the marker's line end was matched too, and the text goes on after it.
    return whole.endsWith('\n') ? `${block}\n` : block
  })
  return { text: updated, stale, faults }
}

/** The file, or what stands between `#region name` and `#endregion`, moved to the margin. */
function codeOf(text: string | undefined, region: string | undefined): string | undefined {
  if (text === undefined) return undefined
  const lines = text.trimEnd().split('\n')
  if (region === undefined) return lines.join('\n')
  const start = lines.findIndex((line) => new RegExp(`#region ${region}\\s*$`).test(line))
  const end = lines.findIndex((line, index) => index > start && /#endregion\b/.test(line))
  if (start === -1 || end === -1) return undefined
  const inside = lines.slice(start + 1, end)
  const margin = Math.min(...inside.filter((line) => line.trim() !== '').map((line) => line.search(/\S/)))
  return inside.map((line) => line.slice(margin)).join('\n')
}
