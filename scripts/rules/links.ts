import { posix } from 'node:path'
import { lineAt, type Project, type Rule, type TextFile, type Violation } from './project.ts'

const rule = 'docs-paths'

/** What the documents point to exists: files, headings, paths named in the text, scripts of package.json. */
export const docsPaths: Rule = {
  name: rule,
  check(project) {
    const documents = documentsOf(project)
    const violations = documents.flatMap((document) => [
      ...brokenLinks(document, project),
      ...missingPaths(document, project),
      ...missingScripts(document, project),
    ])
    return { seen: documents.length, violations }
  },
}

/** Every Markdown file of the project. */
export function documentsOf(project: Project): readonly TextFile[] {
  return project.files.filter(({ path }) => path.endsWith('.md'))
}

function brokenLinks(document: TextFile, project: Project): Violation[] {
  const { path, text } = document
  const violations: Violation[] = []
  for (const match of text.matchAll(/\]\(([^)\s]+)\)|^\[[^\]]+\]:\s*(\S+)/gm)) {
    const link = match[1] ?? match[2] ?? ''
    if (/^[a-z][a-z0-9+.-]*:/.test(link)) continue
    const [file = '', heading] = link.split('#')
    const target = file === '' ? path : posix.normalize(posix.join(posix.dirname(path), decodeURI(file)))
    const at = { path, line: lineAt(text, match.index), rule }
    if (!project.has(target))
      violations.push({ ...at, message: `the link ${link} leads nowhere`, fix: `there is no ${target}` })
    else if (heading !== undefined && target.endsWith('.md') && !anchorsOf(project.textOf(target) ?? '').has(heading))
      violations.push({ ...at, message: `the link ${link} leads to no heading`, fix: `see the headings of ${target}` })
  }
  return violations
}

/** The anchors that GitHub gives to the headings of a document. */
function anchorsOf(text: string): ReadonlySet<string> {
  const anchors = new Set<string>()
  for (const [, heading = ''] of text.matchAll(/^#{1,6}\s+(.+)$/gm)) {
    const anchor = heading
      .trim()
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .replace(/\s/g, '-')
    let unique = anchor
    for (let count = 1; anchors.has(unique); count++) unique = `${anchor}-${count}`
    anchors.add(unique)
  }
  return anchors
}

/** Paths from the project's root, wherever they stand; those with a placeholder or a pattern are left alone. */
function missingPaths({ path, text }: TextFile, project: Project): Violation[] {
  const violations: Violation[] = []
  for (const match of text.matchAll(/(?<![\w./@-])(?:src|examples|docs|scripts|tests|bench)\/[\w./*<>{}$…-]*/g)) {
    const named = match[0].replace(/[.]+$/, '')
    if (/[*<>{}$…]/.test(named) || project.has(named)) continue
    violations.push({
      path,
      line: lineAt(text, match.index),
      rule,
      message: `names ${named}, which does not exist`,
      fix: 'name the file as it is called now, or take it out',
    })
  }
  return violations
}

const builtInScripts: ReadonlySet<string> = new Set(['test', 'start'])

function missingScripts({ path, text }: TextFile, project: Project): Violation[] {
  const manifest: { scripts?: Record<string, string> } = JSON.parse(project.textOf('package.json') ?? '{}')
  const violations: Violation[] = []
  for (const match of text.matchAll(/\bnpm (?:run )?([a-z][\w:-]*)/g)) {
    const [command, script = ''] = match
    if (!command.startsWith('npm run') && !builtInScripts.has(script)) continue
    if (manifest.scripts?.[script] !== undefined) continue
    const at = { path, line: lineAt(text, match.index), rule }
    violations.push({ ...at, message: `names ${command}`, fix: 'package.json has no such script' })
  }
  return violations
}
