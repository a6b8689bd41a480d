import type { AnyComponent, Component } from '../core/component.ts'
import type { Duration } from '../core/duration.ts'
import { FaultList } from '../core/faults.ts'
import type { AttachableComponent } from '../runtime/attachment.ts'
import type { PauseOn } from '../runtime/circuit.ts'
import { attachConsumer } from '../runtime/consumer-attachment.ts'
import type { ConsumerSpecification, Route } from '../runtime/consumer-specification.ts'
import type { HandlerContext, RetryOptions } from '../runtime/context.ts'
import { NoHandlerError } from '../runtime/errors.ts'
import type { WhenSpent } from '../runtime/failures.ts'
import {
  type AttemptLimits,
  defaultConcurrency,
  expectConcurrency,
  expectGroup,
  isDatabase,
  isDefinition,
  isHandler,
  readAttemptLimits,
  readPauseOn,
  readWhenSpent,
} from '../runtime/routes.ts'
import type { Database, WithTx } from '../sql/index.ts'
import type { AllHandlersByType } from '../topics/handlers.ts'
import type { AnyQueue } from '../topics/types.ts'

/** Limits of tasks: of all of a worker, or of one type. */
export interface TaskOptions {
  /** Tasks at once in this process: 16 by default; for one type no limit of its own by default. */
  readonly concurrency?: number
  /** Of one attempt; `'5m'` by default. Then its signal aborts and the attempt has failed. */
  readonly timeout?: Duration
  readonly retry?: RetryOptions
}
/** What a task's handler gets beside the task. */
export interface TaskContext extends HandlerContext {
  /** Gives the attempt this much more time from now. Membership in the group needs no call from the handler. */
  readonly extend: (time: Duration) => void
}
/** What `app.add(worker(…))` gives. */
export interface WorkerHandle {
  /** Starts no more tasks in this process until `resume`; what runs goes on. `reason` is shown where it waits. */
  pause(reason: string): Promise<void>
  resume(): Promise<void>
  /** Tasks that its group has not finished, by their offsets: those that the log leaves out count. (Kafka: consumer lag.) */
  lag(): Promise<number>
}

/**
 * Works on the tasks of a queue: each task is done by one worker of the group, tasks without a key in any order.
 *
 * What a handler publishes or sends commits together with the task's acknowledgement, or not at all; its own effects
 * on the outside world happen at least once: use the task's `id` to deduplicate them. A handler that throws is tried
 * again (`retry`); after the last attempt it is a dead letter (`whenSpent`).
 *
 * `on` has a handler, or a handler with limits of its own, for every type of task.
 *
 * @throws InvalidOptionsError with every fault of the options.
 * @example
 * ```ts
 * worker('mailers', { from: tasks, on: { 'send-email': ({ userId }, { id }) => mail(userId, { idempotencyKey: id }) } })
 * ```
 */
export function worker<Q extends AnyQueue, Tables = never>(
  group: string,
  options: TaskOptions & {
    readonly from: Q
    /**
     * Gives handlers a transaction `tx` that holds their rows, the checkpoint and what they publish or send: exactly
     * once. On SQLite these transactions run one at a time.
     */
    readonly database?: Database<Tables>
    /**
     * What happens to a task whose attempts are spent, that is rejected (`RejectError`) or cannot be read. By default
     * it goes to the group's dead-letter topic (`app.deadLetters` lists them and has them handled again); with
     * `'dead-letter-in-order'` the tasks of its key wait until it is redriven or discarded; or it is skipped; or the worker stops there and the app is unhealthy.
     */
    readonly whenSpent?: WhenSpent
    /**
     * Whether an error means that something which all handlers need is away (a database, a mail server). Then the component
     * waits, in this process, with all its partitions: no attempt is spent and nothing dies. What failed is tried again as
     * a probe, after 1 s, then 2 s, up to 30 s, and everything goes on when it ends in another way. The reason is logged
     * once and shown where the component waits; the app stays healthy. For a `RetryAfterError` the probe waits at least its
     * time; `RejectError` is never asked about. A `pauseOn` that throws counts as false. By default no error does.
     */
    readonly pauseOn?: (error: Error) => boolean
    readonly on: AllHandlersByType<Q, WithTx<TaskContext, Tables>, TaskOptions>
  },
): Component<WorkerHandle>
export function worker(group: string, options: UntypedOptions): Component<WorkerHandle> {
  const read = readOptions(group, options)
  const component: AttachableComponent<WorkerHandle> = {
    kind: 'worker',
    name: group,
    describe: () => `worker '${group}' of ${read.sources.map(({ name }) => name).join(', ')}`,
    '~attach': (host) =>
      attachConsumer(host, { component, group, ...read }, (consumer) => ({
        pause: async (reason) => consumer.pause(reason),
        resume: async () => consumer.resume(),
        lag: () => consumer.lag(),
      })),
  }
  return component
}

interface UntypedOptions extends TaskOptions {
  readonly from: AnyQueue
  readonly database?: AnyComponent
  readonly whenSpent?: WhenSpent
  readonly pauseOn?: PauseOn
  readonly on: unknown
}

const knownOfTask: Record<keyof TaskOptions, true> = { concurrency: true, timeout: true, retry: true }
const known: Record<keyof UntypedOptions, true> = {
  ...knownOfTask,
  from: true,
  on: true,
  database: true,
  whenSpent: true,
  pauseOn: true,
}

function readOptions(group: string, options: UntypedOptions): Omit<ConsumerSpecification, 'component' | 'group'> {
  const { from, on, database, concurrency } = options ?? {}
  const faults = new FaultList()
  expectGroup(group, faults)
  faults.expectOnly(options, known)
  faults.expect(isDefinition(from, 'queue'), 'from', 'give what queue() returned')
  faults.expect(database === undefined || isDatabase(database), 'database', 'give what database() returned')
  expectConcurrency(concurrency, faults)
  const whenSpent = readWhenSpent(options?.whenSpent, faults)
  const pauseOn = readPauseOn(options?.pauseOn, faults)
  const limits = readAttemptLimits(options ?? {}, faults)
  const byName = readRoutes(on, limits, faults)
  faults.throwIfAny(`worker ${JSON.stringify(group)}`)
  return {
    sources: [from],
    database,
    startAt: 'earliest',
    whenSpent,
    pauseOn,
    concurrency: concurrency ?? defaultConcurrency,
    route: (_, name) => {
      const route = byName.get(name ?? '')
      if (route === undefined) throw new NoHandlerError(group, name)
      return route
    },
  }
}

function readRoutes(on: unknown, limits: AttemptLimits, faults: FaultList): ReadonlyMap<string, Route> {
  const routes = new Map<string, Route>()
  const isMap = typeof on === 'object' && on !== null && Object.keys(on).length > 0
  faults.expect(isMap, 'on', 'give a handler for each type of task')
  for (const [name, given] of isMap ? Object.entries(on) : []) {
    const own: TaskOptions & { readonly handle?: unknown } = isHandler(given) ? { handle: given } : { ...given }
    const { handle } = own
    faults.expect(isHandler(handle), `on.${name}`, "give a function, or an object with 'handle'")
    faults.expectOnly(own, { ...knownOfTask, handle: true }, `on.${name}.`)
    expectConcurrency(own.concurrency, faults, `on.${name}.concurrency`)
    const ownLimits = readAttemptLimits(own, faults, { path: `on.${name}.`, base: limits })
    if (isHandler(handle))
      routes.set(name, { handle, ...ownLimits, ...(own.concurrency !== undefined && { concurrency: own.concurrency }) })
  }
  return routes
}
