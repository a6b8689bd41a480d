import { isAsExpression, isIdentifier, isParenthesizedExpression, type Node, SyntaxKind } from 'typescript/unstable/ast'
import { commentsOf } from './comments.ts'
import { lineAt, lineOf, type Rule, type SourceFile, type Violation, walk } from './project.ts'

/** The compiler is not talked out of what it knows: no `any`, no cast of a cast. */
export const typeEscapes: Rule = {
  name: 'type-escapes',
  check({ sources }) {
    const violations: Violation[] = []
    for (const source of sources) {
      const add = (node: Node, message: string, fix: string) =>
        violations.push({ path: source.path, line: lineOf(source, node), rule: 'type-escapes', message, fix })
      walk(source.tree, (node) => {
        if (node.kind === SyntaxKind.AnyKeyword) add(node, 'any', 'say what it is, or `unknown` and narrow it')
        else if (isAsExpression(node) && isAsExpression(withoutParentheses(node.expression)))
          add(node, 'a cast of a cast', 'narrow by a check, or type the place that the value comes from')
      })
    }
    return { seen: sources.length, violations }
  },
}

/** What silences a tool says why, and nothing is left for later in a comment. */
export const commentRules: Rule = {
  name: 'comments',
  check({ sources }) {
    const violations = sources.flatMap((source) =>
      commentsOf(source).flatMap(({ position, text }) =>
        faultsOfComment(text).map((fault) => ({
          path: source.path,
          line: lineAt(source.text, position),
          rule: 'comments',
          ...fault,
        })),
      ),
    )
    return { seen: sources.length, violations }
  },
}

/** A test waits for a condition, never for a while: no timers of the real clock in test code. */
export const sleeps: Rule = {
  name: 'sleeps',
  check({ sources }) {
    const tests = sources.filter(({ path }) => /\.(test|test-support)\.ts$/.test(path))
    return { seen: tests.length, violations: tests.flatMap(sleepsOf) }
  },
}

const timerNames: ReadonlySet<string> = new Set(['setTimeout', 'setInterval'])
const timerModules: ReadonlySet<string> = new Set(['node:timers', 'node:timers/promises', 'timers', 'timers/promises'])

function sleepsOf(source: SourceFile): Violation[] {
  const violations: Violation[] = []
  walk(source.tree, (node) => {
    const isTimer = isIdentifier(node) && timerNames.has(node.text)
    const isModule = node.kind === SyntaxKind.StringLiteral && timerModules.has(node.getText(source.tree).slice(1, -1))
    if (!isTimer && !isModule) return
    violations.push({
      path: source.path,
      line: lineOf(source, node),
      rule: 'sleeps',
      message: `${node.getText(source.tree)} in a test`,
      fix: 'wait for the condition (vi.waitFor, settled, an event), or move an injected clock',
    })
  })
  return violations
}

function withoutParentheses(node: Node): Node {
  return isParenthesizedExpression(node) ? withoutParentheses(node.expression) : node
}

interface Fault {
  readonly message: string
  readonly fix: string
}

const minReasonLength = 8

function faultsOfComment(comment: string): Fault[] {
  // A directive opens its comment; a comment that only speaks of one is prose.
  const body = comment.replace(/^\/[/*]+\s*|\s*\*\/$/g, '')
  const faults: Fault[] = []
  if (/^@ts-(ignore|nocheck)/.test(body))
    faults.push({ message: 'silences the compiler for good', fix: 'use @ts-expect-error with a reason' })
  const expected = /^@ts-expect-error[:\s]*(.*)/.exec(body)
  if (expected !== null && expected[1]!.length < minReasonLength)
    faults.push({ message: '@ts-expect-error without a reason', fix: 'write the reason after it' })
  const ignored = /^biome-ignore\S*(?:\s+[\w/]+)?:?\s*(.*)/.exec(body)
  if (ignored !== null && ignored[1]!.length < minReasonLength)
    faults.push({ message: 'biome-ignore without a reason', fix: 'write the reason after the colon' })
  if (/\b(TODO|FIXME|XXX|HACK)\b/.test(body))
    faults.push({
      message: 'work left for later in a comment',
      fix: 'do it, or open an issue and take the comment out',
    })
  return faults
}
