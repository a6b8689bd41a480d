import type { Route } from './consumer-specification.ts'
import type { Limit } from './lanes.ts'

/** The limits of a component's routes, one for each route that has any. */
export class Limits {
  readonly #limits = new Map<Route, Limit>()

  of(route: Route): Limit | undefined {
    if (route.concurrency === undefined) return undefined
    let limit = this.#limits.get(route)
    if (limit === undefined) {
      limit = { most: route.concurrency, running: 0, waiting: [] }
      this.#limits.set(route, limit)
    }
    return limit
  }
}
