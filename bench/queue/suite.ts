import { memory } from '../embedded/memory.ts'
import type { Suite } from '../harness/suite.ts'
import { delay } from './delay.ts'
import { failing } from './failing.ts'
import { held } from './held.ts'
import { throughput } from './throughput.ts'

/** Tasks: what they cost, how punctual they are, and what a failing one does to the others. */
export const queue: Suite = {
  name: 'queue',
  about: 'tasks of 240 bytes, durable; medians of three rounds (memory: one run)',
  groups: [throughput, delay, failing, held, memory],
}
