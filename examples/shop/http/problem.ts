/** One thing that is wrong: where (`items.0.quantity`; empty for the whole) and what. */
export interface Fault {
  readonly path: string
  readonly message: string
}

/** A list of faults longer than this is cut: an answer is not larger than what it answers. */
const mostFaults = 1_000

const problems = {
  'invalid-request': [400, 'The request is not valid'],
  'not-found': [404, 'There is no such thing'],
  'method-not-allowed': [405, 'The method is not allowed here'],
  'order-conflict': [409, 'There is another order with this id'],
  'already-redriven': [409, 'The dead letter was redriven before'],
  'body-too-large': [413, 'The body is too large'],
  'unsupported-media-type': [415, 'The body has to be JSON'],
  'internal-error': [500, 'Something went wrong here'],
  unavailable: [503, 'Not available now'],
} as const

/** An answer that is no success, as a problem document (RFC 9457). Its `type` is `/problems/` and the kind, for good. */
export class Problem extends Error {
  readonly status: number
  readonly body: object
  readonly headers: Readonly<Record<string, string>>

  constructor(
    kind: keyof typeof problems,
    faults: readonly Fault[],
    more: { readonly headers?: Record<string, string>; readonly members?: object } = {},
  ) {
    const [status, title] = problems[kind]
    super(title)
    this.status = status
    const errors = faults.slice(0, mostFaults)
    if (faults.length > mostFaults) errors.push({ path: '', message: `and ${faults.length - mostFaults} more` })
    this.body = { type: `/problems/${kind}`, title, status, errors, ...more.members }
    this.headers = { 'Content-Type': 'application/problem+json', ...more.headers }
  }
}

export function notFound(path: string, message: string): Problem {
  return new Problem('not-found', [{ path, message }])
}

export function unavailable(reasons: readonly string[]): Problem {
  const faults = reasons.map((message) => ({ path: '', message }))
  return new Problem('unavailable', faults, { headers: { 'Retry-After': '1' }, members: { reasons } })
}
