import type { Violation } from './project.ts'

/** So many violations of a rule in a file that stay, for a reason. */
export interface Exception {
  readonly rule: string
  readonly path: string
  readonly count: number
  readonly reason: string
}

/** Every exception to the rules. The list may only shrink: one that no longer applies fails the check. */
export const exceptions: readonly Exception[] = [
  {
    rule: 'places',
    path: 'scripts/rules/places.unit.test.ts',
    count: 2,
    reason: 'plants registry hosts to see them found',
  },
]

/** Takes out the violations that are excepted, and adds one for every exception that claims more than there is. */
export function withoutExceptions(violations: readonly Violation[], list: readonly Exception[]): Violation[] {
  const keyOf = ({ rule, path }: { rule: string; path: string }) => `${rule} ${path}`
  const byKey = Map.groupBy(violations, keyOf)
  const excepted = new Set<string>()
  const stale: Violation[] = []
  for (const exception of list) {
    const { rule, path, count } = exception
    const actual = byKey.get(keyOf(exception))?.length ?? 0
    if (actual <= count) excepted.add(keyOf(exception))
    if (actual >= count) continue
    stale.push({
      path,
      line: 1,
      rule: 'exceptions',
      message: `${count} violations of ${rule} are excepted, there are ${actual}`,
      fix: `lower the count in scripts/rules/exceptions.ts${actual === 0 ? ', that is: take the entry out' : ''}`,
    })
  }
  return [...violations.filter((violation) => !excepted.has(keyOf(violation))), ...stale]
}
