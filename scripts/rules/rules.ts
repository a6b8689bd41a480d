import { docComments } from './doc-comments.ts'
import { edges } from './edges.ts'
import { errors } from './errors.ts'
import { commentRules, sleeps, typeEscapes } from './escapes.ts'
import { type Exception, withoutExceptions } from './exceptions.ts'
import { docsIncludes } from './includes.ts'
import { docsPaths } from './links.ts'
import { dependencyReasons, packageExports } from './manifest.ts'
import { names } from './names.ts'
import { places } from './places.ts'
import type { Project, Rule, Violation } from './project.ts'
import { fileLength, functionLength } from './sizes.ts'

/** Every rule of the project. */
export const allRules: readonly Rule[] = [
  edges,
  fileLength,
  functionLength,
  names,
  typeEscapes,
  commentRules,
  sleeps,
  docComments,
  errors,
  packageExports,
  dependencyReasons,
  docsPaths,
  docsIncludes,
  places,
]

/** What a run of the rules found. */
export interface Outcome {
  readonly violations: readonly Violation[]
  /** How many things each rule looked at. */
  readonly seen: ReadonlyMap<string, number>
}

/** Holds a project to the rules. A rule that had nothing to look at counts as broken. */
export function checkRules(project: Project, rules: readonly Rule[], exceptions: readonly Exception[]): Outcome {
  const violations: Violation[] = []
  const seen = new Map<string, number>()
  for (const rule of rules) {
    const finding = rule.check(project)
    seen.set(rule.name, finding.seen)
    violations.push(...finding.violations)
    if (finding.seen > 0) continue
    const fix = 'the rule no longer finds what it looks at: repair it'
    violations.push({ path: 'scripts/rules', line: 1, rule: rule.name, message: 'the rule saw nothing', fix })
  }
  return { violations: withoutExceptions(violations, exceptions), seen }
}

/** The violations by file, a line each, and how many there are of each rule. */
export function report(violations: readonly Violation[]): string {
  const sorted = violations.toSorted((a, b) => (a.path === b.path ? a.line - b.line : a.path < b.path ? -1 : 1))
  const lines: string[] = []
  for (const [path, group] of Map.groupBy(sorted, (violation) => violation.path)) {
    lines.push(...group.map(({ line, rule, message, fix }) => `${path}:${line} ${rule}: ${message} — ${fix}`), '')
  }
  const counts = [...Map.groupBy(violations, ({ rule }) => rule)].map(([rule, group]) => `${group.length} ${rule}`)
  return [...lines, `rules: ${violations.length} violations (${counts.join(', ')})`].join('\n')
}
