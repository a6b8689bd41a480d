import type { Attempt } from './attempt.ts'
import type { HomeTransaction } from './commit/commit-home.ts'
import type { Middleware } from './context.ts'
import { runAround } from './middleware.ts'

/** Calls the handler of an attempt, with the middleware around it, in the transaction where there is one. */
export function callHandler(
  middleware: readonly Middleware[],
  attempt: Attempt,
  transaction: HomeTransaction | undefined,
): unknown {
  const { route, event } = attempt.delivery
  if (middleware.length === 0 && transaction === undefined) return route.handle(event as never, attempt)
  const handle = () => route.handle(event as never, attempt)
  const work = middleware.length === 0 ? handle : () => runAround(middleware, attempt, handle)
  return transaction === undefined ? work() : transaction.run(work)
}

/** What the handler's promise gives, unless the attempt is aborted before. */
export function untilAborted(attempt: Attempt, returned: PromiseLike<unknown>): Promise<unknown> {
  return new Promise((resolve, reject) => {
    attempt.watch(reject)
    returned.then(resolve, reject)
  })
}

/** Whether a handler returned something to wait for. */
export function isPromise(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function'
}
