import type { HandlerContext, Middleware } from './context.ts'
import { NextCalledTwiceError } from './errors.ts'

/**
 * Koa's composition: the first middleware is the outermost. Always a promise: `next` is awaited, by the layer or, where
 * it forgot to, behind it: the record is not finished while its handler runs, and what the handler throws is not lost.
 */
export async function runAround(
  middleware: readonly Middleware[],
  context: HandlerContext,
  handle: () => unknown,
): Promise<void> {
  const runFrom = async (index: number): Promise<void> => {
    const layer = middleware[index]
    if (layer === undefined) {
      await handle()
      return
    }
    const calls: NextCall[] = []
    await layer(context, () => {
      const rest = calls.length === 0 ? runFrom(index + 1) : Promise.reject(new NextCalledTwiceError())
      const call = new NextCall(rest)
      calls.push(call)
      return call
    })
    for (const call of calls) if (!call.isAwaited || !call.hasEnded) await call
  }
  await runFrom(0)
}

/** What `next` gives: a promise that knows whether somebody waits for it. */
class NextCall implements Promise<void> {
  readonly [Symbol.toStringTag] = 'Promise'
  readonly #rest: Promise<void>
  isAwaited = false
  hasEnded = false

  constructor(rest: Promise<void>) {
    this.#rest = rest
    const ended = () => {
      this.hasEnded = true
    }
    // Also its rejection: where nobody waits for it, `runAround` does in the end.
    rest.then(ended, ended)
  }

  // biome-ignore lint/suspicious/noThenProperty: `await` calls it, and only so it can be seen.
  readonly then: Promise<void>['then'] = (fulfilled, rejected) => {
    this.isAwaited = true
    return this.#rest.then(fulfilled, rejected)
  }
  readonly catch: Promise<void>['catch'] = (rejected) => this.then(undefined, rejected)
  readonly finally: Promise<void>['finally'] = (ended) => {
    this.isAwaited = true
    return this.#rest.finally(ended)
  }
}
