import { posix } from 'node:path'
import {
  isCallExpression,
  isExportDeclaration,
  isImportDeclaration,
  isImportTypeNode,
  isLiteralTypeNode,
  isNamedImports,
  isStringLiteral,
  type Node,
  SyntaxKind,
} from 'typescript/unstable/ast'
import { lineOf, type SourceFile, walk } from './project.ts'

/** One import, re-export or `import()` of a file. */
export interface Import {
  readonly line: number
  /** As written; undefined for `import()` of something that is not a literal. */
  readonly specifier: string | undefined
  /** The path from the project's root of what a relative specifier names; undefined for a package. */
  readonly target: string | undefined
  readonly kind: 'value' | 'type' | 'dynamic'
}

/** Every import of a file, in its order, in whatever form it is written. */
export function importsOf(source: SourceFile): Import[] {
  const found: Import[] = []
  const add = (node: Node, kind: Import['kind'], specifierNode: Node | undefined) => {
    const specifier = specifierNode !== undefined && isStringLiteral(specifierNode) ? specifierNode.text : undefined
    const target = specifier?.startsWith('.')
      ? posix.normalize(posix.join(posix.dirname(source.path), specifier))
      : undefined
    found.push({ line: lineOf(source, node), specifier, target, kind })
  }
  walk(source.tree, (node) => {
    if (isImportDeclaration(node)) add(node, kindOfImport(node), node.moduleSpecifier)
    else if (isExportDeclaration(node) && node.moduleSpecifier !== undefined)
      add(node, node.isTypeOnly ? 'type' : 'value', node.moduleSpecifier)
    else if (isImportTypeNode(node))
      add(node, 'type', isLiteralTypeNode(node.argument) ? node.argument.literal : undefined)
    else if (isCallExpression(node) && node.expression.kind === SyntaxKind.ImportKeyword)
      add(node, 'dynamic', node.arguments[0])
  })
  return found
}

function kindOfImport(node: Node): 'value' | 'type' {
  if (!isImportDeclaration(node) || node.importClause === undefined) return 'value'
  const { importClause } = node
  if (importClause.phaseModifier === SyntaxKind.TypeKeyword) return 'type'
  const bindings = importClause.namedBindings
  if (importClause.name !== undefined || bindings === undefined || !isNamedImports(bindings)) return 'value'
  return bindings.elements.length > 0 && bindings.elements.every((element) => element.isTypeOnly) ? 'type' : 'value'
}
