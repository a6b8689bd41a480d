import type * as z from 'zod'
import { type Fault, Problem } from './problem.ts'

/** What the schema makes of a value. Throws a problem with every fault. */
export function check<T>(schema: z.ZodType<T>, value: unknown): T {
  const result = schema.safeParse(value)
  if (result.success) return result.data
  const faults = result.error.issues.flatMap((issue) => faultsOf(issue, value))
  throw new Problem('invalid-request', faults)
}

/** The parameters of a query as an object. Throws a problem for one that is given twice. */
export function readQuery(query: URLSearchParams): Readonly<Record<string, string>> {
  const names = [...new Set(query.keys())]
  const twice = names.filter((name) => query.getAll(name).length > 1)
  if (twice.length === 0) return Object.fromEntries(query)
  throw new Problem(
    'invalid-request',
    twice.map((path) => ({ path, message: 'given more than once' })),
  )
}

function faultsOf(issue: z.core.$ZodIssue, whole: unknown): Fault[] {
  const pathOf = (...more: readonly string[]) => [...issue.path, ...more].map(String).join('.')
  if (issue.path.length > 0 && valueAt(whole, issue.path) === undefined)
    return [{ path: pathOf(), message: 'is missing' }]
  if (issue.code !== 'unrecognized_keys') return [{ path: pathOf(), message: issue.message }]
  return issue.keys.map((key) => ({ path: pathOf(key), message: 'unknown field' }))
}

function valueAt(whole: unknown, path: readonly PropertyKey[]): unknown {
  let value = whole
  for (const part of path) value = (value as Record<PropertyKey, unknown> | null | undefined)?.[part]
  return value
}
