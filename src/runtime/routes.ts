import type { Duration } from '../core/duration.ts'
import { toMilliseconds } from '../core/duration.ts'
import type { FaultList } from '../core/faults.ts'
import { isName, nameRule } from '../core/names.ts'
import type { AnyDefinition } from '../topics/types.ts'
import type { AttachableComponent } from './attachment.ts'
import type { PauseOn } from './circuit.ts'
import type { Route } from './consumer-specification.ts'
import type { RetryOptions } from './context.ts'
import type { WhenSpent } from './failures.ts'
import { type RetryPolicy, readRetry } from './retry.ts'

/** A handler, whatever its event: the types were checked where the component was made. */
export type AnyHandler = Route['handle']

/** Whether it can be called; what it is called with was checked by the compiler, where there is one. */
export function isHandler(value: unknown): value is AnyHandler {
  return typeof value === 'function'
}

/** Limits of an attempt, with everything filled in. */
export interface AttemptLimits {
  readonly retry: RetryPolicy
  readonly timeoutMs: number
}

/** Handlers at once in a process, where nothing else is said. */
export const defaultConcurrency = 16
const defaultTimeoutMs = 5 * 60_000

/** The options that all components with handlers share; every fault is noted. */
export function readAttemptLimits(
  options: { readonly retry?: RetryOptions; readonly timeout?: Duration },
  faults: FaultList,
  { path = '', base }: { readonly path?: string; readonly base?: AttemptLimits } = {},
): AttemptLimits {
  const retry = readRetry(options.retry, faults, { path: `${path}retry`, ...(base && { base: base.retry }) })
  const timeout = options.timeout ?? base?.timeoutMs ?? defaultTimeoutMs
  const timeoutMs = faults.attempt(`${path}timeout`, () => toMilliseconds(timeout))
  faults.expect(timeoutMs !== 0, `${path}timeout`, 'give more than nothing')
  return { retry, timeoutMs: timeoutMs ?? defaultTimeoutMs }
}

/** The policy for records that are given up, `'dead-letter'` by default. */
export function readWhenSpent(value: WhenSpent | undefined, faults: FaultList): WhenSpent {
  const known = value === undefined || ['dead-letter', 'dead-letter-in-order', 'skip', 'stop'].includes(value)
  faults.expect(known, 'whenSpent', "give 'dead-letter', 'dead-letter-in-order', 'skip' or 'stop'")
  return value ?? 'dead-letter'
}

/** Whether an error means an outage; none where there is no such function. */
export function readPauseOn(value: PauseOn | undefined, faults: FaultList): PauseOn | undefined {
  faults.expect(value === undefined || typeof value === 'function', 'pauseOn', 'give a function of the error')
  return value
}

/** Notes a fault unless it is a whole number of at least 1. */
export function expectConcurrency(value: number | undefined, faults: FaultList, path = 'concurrency'): void {
  faults.expect(
    value === undefined || (Number.isInteger(value) && value >= 1),
    path,
    'give a whole number of at least 1',
  )
}

/** The durable name of a component that reads. */
export function expectGroup(group: string, faults: FaultList): void {
  faults.expect(isName(group), 'group', `give ${nameRule}`)
  faults.expect(
    !String(group).startsWith('outbox-'),
    'group',
    "names that begin with 'outbox-' are the framework's own",
  )
}

/** Whether it is a topic or a queue that `topic()` or `queue()` made. */
export function isDefinition(value: unknown, kind: AnyDefinition['kind']): value is AnyDefinition {
  const candidate = value as Partial<AnyDefinition> | null | undefined
  return candidate?.kind === kind && candidate['~definition'] !== undefined
}

/** Whether it is a database that `database()` made. */
export function isDatabase(value: unknown): value is AttachableComponent {
  const candidate = value as Partial<AttachableComponent> | null | undefined
  return candidate?.kind === 'database' && typeof candidate['~attach'] === 'function'
}
