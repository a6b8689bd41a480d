import type { Suite } from '../harness/suite.ts'
import { append } from './append.ts'
import { commit } from './commit.ts'
import { consume } from './consume.ts'
import { database } from './database.ts'
import { latency } from './latency.ts'
import { memory } from './memory.ts'
import { processes } from './processes.ts'
import { publish } from './publish.ts'
import { subscriber } from './subscriber.ts'
import { worker } from './worker.ts'

/** The embedded engine and the runtime over it. */
export const embedded: Suite = {
  name: 'embedded',
  about: 'the embedded log and the runtime, records of 240 bytes, medians of three runs (memory: one run)',
  groups: [append, publish, consume, commit, latency, subscriber, worker, database, processes, memory],
}
