import { embedded } from './embedded/suite.ts'
import type { Suite } from './harness/suite.ts'
import { queue } from './queue/suite.ts'

/** Every suite, by the name that `npm run bench` takes. */
export const suites: readonly Suite[] = [embedded, queue]
