import { type CallExpression, isCallExpression, isIdentifier, type Node, SyntaxKind } from 'typescript/unstable/ast'
import { lineAt, lineOf, type Rule, type SourceFile, type Violation, walk } from './project.ts'

const maxFileLines = 400
const maxTestFileLines = 800
const maxFunctionLines = 70

/** A file can be read in one sitting. */
export const fileLength: Rule = {
  name: 'file-length',
  check({ sources }) {
    const violations = sources.flatMap(({ path, text }): Violation[] => {
      const lines = text.split('\n').length - (text.endsWith('\n') ? 1 : 0)
      const limit = path.endsWith('.test.ts') ? maxTestFileLines : maxFileLines
      if (lines <= limit) return []
      const message = `${lines} lines, at most ${limit}`
      return [{ path, line: limit + 1, rule: 'file-length', message, fix: 'split it by responsibility' }]
    })
    return { seen: sources.length, violations }
  },
}

/** A function fits on a screen. Callbacks of `describe`, `it` and their like are lists, and do not count. */
export const functionLength: Rule = {
  name: 'function-length',
  check({ sources }) {
    const violations: Violation[] = []
    let seen = 0
    for (const source of sources) {
      const exempt = testCallbacks(source)
      walk(source.tree, (node) => {
        if (!isFunction(node) || exempt.has(node)) return
        seen++
        const lines = linesOf(source, node) - linesOfTests(source, node, exempt)
        if (lines <= maxFunctionLines) return
        violations.push({
          path: source.path,
          line: lineOf(source, node),
          rule: 'function-length',
          message: `a function of ${lines} lines, at most ${maxFunctionLines}`,
          fix: 'take out a step that has a name',
        })
      })
    }
    return { seen, violations }
  },
}

const functionKinds: ReadonlySet<SyntaxKind> = new Set([
  SyntaxKind.FunctionDeclaration,
  SyntaxKind.FunctionExpression,
  SyntaxKind.ArrowFunction,
  SyntaxKind.MethodDeclaration,
  SyntaxKind.Constructor,
  SyntaxKind.GetAccessor,
  SyntaxKind.SetAccessor,
])

function isFunction(node: Node): boolean {
  return functionKinds.has(node.kind)
}

function linesOf(source: SourceFile, node: Node): number {
  return lineAt(source.text, node.end) - lineOf(source, node) + 1
}

/** Lines of the outermost test callbacks inside a function that registers tests. */
function linesOfTests(source: SourceFile, parent: Node, exempt: ReadonlySet<Node>): number {
  let lines = 0
  parent.forEachChild((child) => {
    lines += exempt.has(child) ? linesOf(source, child) - 1 : linesOfTests(source, child, exempt)
  })
  return lines
}

/** Only in files that import Vitest: elsewhere `it` and `test` are names like any other. */
function testCallbacks(source: SourceFile): ReadonlySet<Node> {
  const callbacks = new Set<Node>()
  if (!/from 'vitest'/.test(source.text)) return callbacks
  walk(source.tree, (node) => {
    if (!isCallExpression(node) || !/^(describe|it|test|suite)$/.test(rootName(node))) return
    for (const argument of node.arguments) if (isFunction(argument)) callbacks.add(argument)
  })
  return callbacks
}

/** `it` of `it(…)`, `it.each(…)(…)` and `it.skipIf(…)(…)`. */
function rootName(call: CallExpression): string {
  let node: Node = call.expression
  while (!isIdentifier(node)) {
    const inner: Node | undefined = node.forEachChild((child) => child)
    if (inner === undefined) return ''
    node = inner
  }
  return node.text
}
