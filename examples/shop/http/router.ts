import { Id } from '../identifiers.ts'
import { notFound, Problem } from './problem.ts'

export interface Request {
  /** Ids of the path, by name. */
  readonly params: Readonly<Record<string, string>>
  readonly query: URLSearchParams
  /** The body. Throws a problem where it is not JSON. */
  readonly readJson: () => Promise<unknown>
}
export interface Reply {
  readonly status: number
  readonly body: object
  readonly headers?: Readonly<Record<string, string>>
  /** On lines, with indents. */
  readonly isForPeople?: boolean
}
export type Route = (request: Request) => Reply | Promise<Reply>

/** By method and path: `'GET /orders/:orderId'`. What begins with a colon stands for an id. */
export type Routes = Readonly<Record<`${'GET' | 'POST' | 'PUT'} /${string}`, Route>>

export type Router = (
  method: string,
  path: string,
) => { readonly route: Route; readonly params: Record<string, string> }

/** Finds the route of a request, and the ids in its path. Throws a problem where there is none. HEAD goes where GET goes. */
export function createRouter(routes: Routes): Router {
  const patterns = Object.entries(routes).map(([key, route]) => {
    const [method = '', path = ''] = key.split(' ')
    return { method, parts: path.split('/'), route }
  })
  return (method, path) => {
    const given = path.split('/')
    const fitting = patterns.filter(({ parts }) => fits(parts, given))
    if (fitting.length === 0) throw notFound('', `there is nothing at ${path}`)
    const found = fitting.find((pattern) => pattern.method === (method === 'HEAD' ? 'GET' : method))
    if (found !== undefined) return { route: found.route, params: readIds(found.parts, given) }
    const allowed = fitting.flatMap((pattern) => (pattern.method === 'GET' ? ['GET', 'HEAD'] : [pattern.method]))
    const message = `${method} is not one of ${allowed.join(', ')}`
    throw new Problem('method-not-allowed', [{ path: '', message }], { headers: { Allow: allowed.join(', ') } })
  }
}

function fits(parts: readonly string[], given: readonly string[]): boolean {
  if (parts.length !== given.length) return false
  return parts.every((part, at) => (part.startsWith(':') ? given[at] !== '' : part === given[at]))
}

function readIds(parts: readonly string[], given: readonly string[]): Record<string, string> {
  const ids: Record<string, string> = {}
  for (const [at, part] of parts.entries()) {
    if (!part.startsWith(':')) continue
    const name = part.slice(1)
    const checked = Id.safeParse(decode(given[at]!))
    if (checked.error) throw new Problem('invalid-request', [{ path: name, message: checked.error.issues[0]!.message }])
    ids[name] = checked.data
  }
  return ids
}

function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined
  }
}
