import {
  type ClassDeclaration,
  isBinaryExpression,
  isClassDeclaration,
  isIdentifier,
  isNewExpression,
  isPropertyDeclaration,
  isStringLiteral,
  isThrowStatement,
  type Node,
  type PropertyDeclaration,
  SyntaxKind,
} from 'typescript/unstable/ast'
import { docCommentOf } from './doc-comments.ts'
import {
  isTestCode,
  lineAt,
  lineOf,
  type Project,
  type Rule,
  type SourceFile,
  type Violation,
  walk,
} from './project.ts'

const rule = 'errors'
const root = 'MillraceError'
const document = 'docs/errors.md'
const tableStart = '<!-- errors: start -->'
const tableEnd = '<!-- errors: end -->'

/** One class that stands for one failure. */
export interface ErrorClass {
  readonly name: string
  readonly source: SourceFile
  readonly node: ClassDeclaration
  readonly code: string | undefined
  /** `depends` when the constructor decides. */
  readonly retryable: 'yes' | 'no' | 'depends'
  /** The first paragraph of its doc comment. */
  readonly what: string
}

/** Every error of ours has a class of its own with a stable code, and is listed in docs/errors.md. */
export const errors: Rule = {
  name: rule,
  check(project) {
    const classes = errorClasses(project)
    return {
      seen: classes.length,
      violations: [...faultsOfCodes(classes), ...plainErrors(project), ...faultsOfDocument(project, classes)],
    }
  },
}

/** Every class below `MillraceError` that can be thrown, by code. */
export function errorClasses(project: Project): ErrorClass[] {
  const declared = new Map<string, { node: ClassDeclaration; source: SourceFile }>()
  for (const source of ownSources(project))
    walk(source.tree, (node) => {
      if (isClassDeclaration(node) && node.name !== undefined) declared.set(node.name.text, { node, source })
    })
  const lineOfDescent = (name: string): ClassDeclaration[] => {
    const node = declared.get(name)?.node
    const parent = node === undefined ? undefined : parentOf(node)
    return node === undefined ? [] : [node, ...(parent === undefined ? [] : lineOfDescent(parent))]
  }
  const classes: ErrorClass[] = []
  for (const [name, { node, source }] of declared) {
    const line = lineOfDescent(name)
    if (name === root || line.at(-1)?.name?.text !== root) continue
    if (node.modifiers?.some(({ kind }) => kind === SyntaxKind.AbstractKeyword)) continue
    const what = docCommentOf(source, node)?.split('\n\n', 1)[0]?.replace(/\s+/g, ' ') ?? ''
    classes.push({ name, source, node, code: codeOf(line), retryable: retryableOf(line), what })
  }
  return classes.sort((a, b) => ((a.code ?? '') < (b.code ?? '') ? -1 : 1))
}

/** docs/errors.md as it should be: the text around the table stays, the table is made anew. */
export function withErrorTable(text: string, classes: readonly ErrorClass[]): string {
  const start = text.indexOf(tableStart)
  const end = text.indexOf(tableEnd)
  const table = tableOf(classes)
  if (start === -1 || end === -1) return `${text.trimEnd()}\n\n${tableStart}\n${table}\n${tableEnd}\n`.trimStart()
  return `${text.slice(0, start)}${tableStart}\n${table}\n${text.slice(end)}`
}

function tableOf(classes: readonly ErrorClass[]): string {
  const rows = classes.map(
    ({ code, name, what, retryable }) =>
      `| \`${code}\` | \`${name}\` | ${what.replaceAll('|', '\\|')} | ${retryable} |`,
  )
  return ['| code | class | what | retryable |', '|---|---|---|---|', ...rows].join('\n')
}

function faultsOfCodes(classes: readonly ErrorClass[]): Violation[] {
  const owners = new Map<string, string>()
  return classes.flatMap(({ name, source, node, code }) => {
    const at = { path: source.path, line: lineOf(source, node), rule }
    if (code === undefined || !/^[A-Z][A-Z0-9]*(_[A-Z0-9]+)*$/.test(code))
      return [{ ...at, message: `${name} has no code`, fix: "write `readonly code = 'UPPER_SNAKE'` in the class" }]
    const owner = owners.get(code)
    owners.set(code, owner ?? name)
    if (owner === undefined) return []
    return [{ ...at, message: `${name} has the code ${code} of ${owner}`, fix: 'one class, one failure, one code' }]
  })
}

/** `throw new Error(…)`: a failure that nobody can tell from another one. */
function plainErrors(project: Project): Violation[] {
  const violations: Violation[] = []
  for (const source of ownSources(project))
    walk(source.tree, (node) => {
      if (!isThrowStatement(node) || !isNewExpression(node.expression)) return
      const thrown = node.expression.expression
      if (!isIdentifier(thrown) || !/^(Type|Range)?Error$/.test(thrown.text)) return
      const message = `throws a plain ${thrown.text}`
      const fix = 'throw a class of its own below MillraceError, or use invariant() for a bug of ours'
      violations.push({ path: source.path, line: lineOf(source, node), rule, message, fix })
    })
  return violations
}

function faultsOfDocument(project: Project, classes: readonly ErrorClass[]): Violation[] {
  const text = project.textOf(document) ?? ''
  if (classes.length === 0 || text === withErrorTable(text, classes)) return []
  const line = text.includes(tableStart) ? lineAt(text, text.indexOf(tableStart)) : 1
  return [{ path: document, line, rule, message: 'the table of errors is not current', fix: 'npm run docs' }]
}

function ownSources({ sources }: Project): SourceFile[] {
  return sources.filter(({ path }) => path.startsWith('src/') && !isTestCode(path))
}

function parentOf(node: ClassDeclaration): string | undefined {
  const extended = node.heritageClauses?.find(({ token }) => token === SyntaxKind.ExtendsKeyword)
  const parent = extended?.types[0]?.expression
  return parent !== undefined && isIdentifier(parent) ? parent.text : undefined
}

/** The code of the nearest class that has one. Only a literal counts: programs match on it. */
function codeOf(line: readonly ClassDeclaration[]): string | undefined {
  for (const node of line) {
    const property = propertyOf(node, 'code')
    if (property?.initializer === undefined) continue
    const isReadonly = property.modifiers?.some(({ kind }) => kind === SyntaxKind.ReadonlyKeyword)
    return isReadonly && isStringLiteral(property.initializer) ? property.initializer.text : undefined
  }
  return undefined
}

function retryableOf(line: readonly ClassDeclaration[]): ErrorClass['retryable'] {
  for (const node of line) {
    const property = propertyOf(node, 'retryable')
    if (assignsRetryable(node)) return 'depends'
    if (property === undefined) continue
    if (property.initializer?.kind === SyntaxKind.TrueKeyword) return 'yes'
    return property.initializer?.kind === SyntaxKind.FalseKeyword ? 'no' : 'depends'
  }
  return 'no'
}

function propertyOf(node: ClassDeclaration, name: string): PropertyDeclaration | undefined {
  for (const member of node.members)
    if (isPropertyDeclaration(member) && isIdentifier(member.name) && member.name.text === name) return member
  return undefined
}

function assignsRetryable(node: Node): boolean {
  let assigns = false
  walk(node, (child) => {
    if (isBinaryExpression(child) && child.left.getText() === 'this.retryable') assigns = true
  })
  return assigns
}
