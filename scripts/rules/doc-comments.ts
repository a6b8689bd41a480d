import {
  isClassDeclaration,
  isFunctionDeclaration,
  isInterfaceDeclaration,
  isTypeAliasDeclaration,
  isVariableStatement,
  type Node,
  SyntaxKind,
} from 'typescript/unstable/ast'
import { isTestCode, lineOf, type Rule, type SourceFile, type Violation } from './project.ts'

const rule = 'doc-comments'

/** Everything that a file of `src` exports says what it is, right above it; every room's index says what the room is. */
export const docComments: Rule = {
  name: rule,
  check({ sources }) {
    const own = sources.filter(({ path }) => path.startsWith('src/') && !isTestCode(path))
    return { seen: own.length, violations: own.flatMap((source) => [...headerOf(source), ...undocumented(source)]) }
  },
}

/** The text of the doc comment right above a node, without its marks. */
export function docCommentOf(source: SourceFile, node: Node): string | undefined {
  const trivia = source.text.slice(node.pos, node.getStart(source.tree))
  const start = trivia.lastIndexOf('/**')
  if (start === -1) return undefined
  const end = trivia.indexOf('*/', start)
  if (/\n\s*\n/.test(trivia.slice(end)) || trivia.slice(end + 2).trim() !== '') return undefined
  return trivia
    .slice(start + 3, end)
    .replace(/^[ \t]*\* ?/gm, '')
    .trim()
}

function headerOf(source: SourceFile): Violation[] {
  if (!/^src\/(.+\/)?index\.ts$/.test(source.path) || source.text.startsWith('/**')) return []
  const fix = 'start the file with a doc comment: what the room is for, and its main words'
  return [{ path: source.path, line: 1, rule, message: 'the room has no header', fix }]
}

function undocumented(source: SourceFile): Violation[] {
  const documented = new Set<string>()
  const violations: Violation[] = []
  for (const node of source.tree.statements) {
    const name = exportedName(node)
    if (name === undefined || documented.has(name)) continue
    // Once is enough for the overloads of a function, and for a type and a value of one name.
    documented.add(name)
    if (docCommentOf(source, node) !== undefined) continue
    const fix = 'say above it what it stands for or promises: what in, what out, what it throws'
    violations.push({ path: source.path, line: lineOf(source, node), rule, message: `${name} has no doc comment`, fix })
  }
  return violations
}

/** The name of an exported declaration; undefined for what is not exported, and for re-exports. */
function exportedName(node: Node): string | undefined {
  if (isVariableStatement(node)) {
    const isExported = node.modifiers?.some(({ kind }) => kind === SyntaxKind.ExportKeyword)
    return isExported ? node.declarationList.declarations.map(({ name }) => name.getText()).join(', ') : undefined
  }
  const isDeclaration =
    isFunctionDeclaration(node) ||
    isClassDeclaration(node) ||
    isInterfaceDeclaration(node) ||
    isTypeAliasDeclaration(node)
  if (!isDeclaration || !node.modifiers?.some(({ kind }) => kind === SyntaxKind.ExportKeyword)) return undefined
  return node.name?.text ?? 'the default export'
}
