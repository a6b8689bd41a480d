import { type Node, SyntaxKind } from 'typescript/unstable/ast'
import { type SourceFile, walk } from './project.ts'

/** A comment with its marks, and where it starts. */
export interface Comment {
  readonly position: number
  readonly text: string
}

const literalKinds: ReadonlySet<SyntaxKind> = new Set([
  SyntaxKind.StringLiteral,
  SyntaxKind.RegularExpressionLiteral,
  SyntaxKind.NoSubstitutionTemplateLiteral,
  SyntaxKind.TemplateHead,
  SyntaxKind.TemplateMiddle,
  SyntaxKind.TemplateTail,
])

/** Every comment of a file; what looks like one inside of a string, a template or a pattern is none. */
export function commentsOf(source: SourceFile): Comment[] {
  const { text, tree } = source
  const literals = new Map<number, number>()
  walk(tree, (node: Node) => {
    if (literalKinds.has(node.kind)) literals.set(node.getStart(tree), node.end)
  })
  const comments: Comment[] = []
  for (let at = 0; at < text.length; at++) {
    const literalEnd = literals.get(at)
    if (literalEnd !== undefined) {
      at = literalEnd - 1
    } else if (text.startsWith('//', at) || text.startsWith('/*', at)) {
      const end = text[at + 1] === '/' ? text.indexOf('\n', at) : text.indexOf('*/', at + 2) + 2
      comments.push({ position: at, text: text.slice(at, end < 2 ? text.length : end) })
      at += comments.at(-1)!.text.length - 1
    }
  }
  return comments
}
