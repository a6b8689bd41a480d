import { longestTimeoutMs } from '../core/clock.ts'
import type { AnyComponent, Component } from '../core/component.ts'
import { FaultList } from '../core/faults.ts'
import { isName, nameRule } from '../core/names.ts'
import { isSchema, type Schema, type SchemaInput, type SchemaOutput, validate } from '../core/schema.ts'
import type { AttachableComponent, Attachment, Host } from '../runtime/attachment.ts'
import type { DatabaseHome } from '../runtime/commit/commit-home.ts'
import { OutputCollector } from '../runtime/commit/output-collector.ts'
import type { Position } from '../runtime/commit/position.ts'
import type { HandlerContext } from '../runtime/context.ts'
import { handlerScope } from '../runtime/handler-scope.ts'
import { isDatabase } from '../runtime/routes.ts'
import type { Database, Transaction } from '../sql/index.ts'
import { CommandStoppedError, InvalidInputError } from './errors.ts'

/** What a command's handler gets beside its input. */
export interface CommandContext<Tables>
  extends Pick<HandlerContext, 'publish' | 'send' | 'tombstone' | 'log' | 'now' | 'newId' | 'signal'> {
  /** Opens at its first statement, commits when the handler returns, rolls back when it throws. */
  readonly tx: Transaction<Tables>
}
/** What `app.add(command(…))` gives. */
export interface CommandHandle<Input, Result> {
  /**
   * Validates, runs the handler in one transaction, resolves when that is durable. The result is the handler's; the
   * position tells where its messages are in the outbox (`<database id>:<outbox number>`).
   *
   * Throws `InvalidInputError` with every fault (the handler was not called), and whatever the handler throws, as it is,
   * with everything rolled back. Works from `app.start` on, or before it where no start is needed: the database opens.
   * `app.stop` waits for it until its deadline, then aborts the handler's signal and rolls it back; from the call of
   * `stop` on no other begins. Both throw `CommandStoppedError`. When `signal` aborts, its reason is thrown.
   */
  execute(
    input: Input,
    options?: { readonly signal?: AbortSignal },
  ): Promise<{ readonly result: Result; readonly position: Position }>
}

/**
 * Defines a command: the rows that its handler writes and what it publishes or sends are one database transaction, so
 * that neither is ever there without the other. The messages reach the log through the outbox, each once, in order.
 *
 * On SQLite commands run one at a time; many share one fsync.
 *
 * @throws InvalidOptionsError with every fault of the options.
 */
export function command<S extends Schema, Tables, Result>(
  name: string,
  options: {
    readonly database: Database<Tables>
    readonly input: S
    readonly handle: (input: SchemaOutput<S>, context: CommandContext<Tables>) => Result | Promise<Result>
  },
): Component<CommandHandle<SchemaInput<S>, Result>> {
  const { database, input, handle } = options ?? {}
  const faults = new FaultList()
  faults.expectOnly(options, { database: true, input: true, handle: true })
  faults.expect(isName(name), 'name', `give ${nameRule}`)
  faults.expect(isDatabase(database), 'database', 'give what database() returned')
  faults.expect(isSchema(input), 'input', 'give a Standard Schema (of zod, Valibot, ArkType …)')
  faults.expect(typeof handle === 'function', 'handle', 'give a function')
  faults.throwIfAny(`command ${JSON.stringify(name)}`)
  const parts: CommandParts<Result> = { name, database, input, handle: handle as CommandParts<Result>['handle'] }
  const component: AttachableComponent<CommandHandle<SchemaInput<S>, Result>> = {
    kind: 'command',
    name,
    describe: () => `command '${name}' on database '${database.name}'`,
    '~attach': (host) => attachCommand(host, parts),
  }
  return component
}

interface CommandParts<Result> {
  readonly name: string
  readonly database: AnyComponent
  readonly input: Schema
  readonly handle: (input: unknown, context: object) => Result | Promise<Result>
}

function attachCommand<Result>(host: Host, parts: CommandParts<Result>): Attachment<CommandHandle<unknown, Result>> {
  const { name, database } = parts
  const running = new Map<Promise<unknown>, AbortController>()
  let isStopping = false
  let home: DatabaseHome | undefined
  const execute: CommandHandle<unknown, Result>['execute'] = async (input, { signal } = {}) => {
    if (isStopping) throw new CommandStoppedError(name)
    const controller = new AbortController()
    const either = signal === undefined ? controller.signal : AbortSignal.any([controller.signal, signal])
    const execution = executeCommand(host, parts, { input, signal: either })
    running.set(execution, controller)
    try {
      return await execution
    } finally {
      running.delete(execution)
    }
  }
  const stop = async (deadlineMs: number): Promise<void> => {
    isStopping = true
    const abort = () => {
      for (const controller of running.values()) controller.abort(new CommandStoppedError(name))
    }
    const timer = setTimeout(abort, Math.min(deadlineMs, longestTimeoutMs))
    await Promise.allSettled(running.keys())
    clearTimeout(timer)
  }
  return {
    handle: { execute },
    definitions: [],
    databases: [database],
    guarantees: [
      {
        name,
        kind: 'command',
        reads: [],
        home: `database ${database.name}`,
        guarantee: 'rows and outputs atomic; outputs published once',
      },
    ],
    get blockedBy() {
      return home?.blockedBy
    },
    start: async () => {
      home = await host.home(database)
    },
    stop,
    unsettled: async () => (running.size > 0 ? [{ what: `command '${name}' runs` }] : []),
  }
}

async function executeCommand<Result>(
  host: Host,
  { name, database, input: schema, handle }: CommandParts<Result>,
  { input, signal }: { readonly input: unknown; readonly signal: AbortSignal },
): Promise<{ readonly result: Result; readonly position: Position }> {
  const checked = validate(schema, input, `command '${name}'`)
  if (checked.faults !== undefined) throw new InvalidInputError(name, checked.faults)
  // A database that opens may wait long for another program's lock: whoever gave the signal does not.
  const home = await untilAborted(signal, () => host.home(database))
  const collector = new OutputCollector(host)
  const { clock, newId, logger: log } = host
  const transaction = home.begin(name)
  try {
    const context = { ...collector.outputs, ...transaction.context, log, now: clock.now, newId, signal }
    const work = () => transaction.run(() => handle(checked.value, context))
    const result = await untilAborted(signal, () => handlerScope.run(host, work))
    await untilAborted(signal, () => host.ensureOutputs(collector.end()))
    const { outboxNumber } = await transaction.commit({ outputs: collector.messages })
    await home.durable()
    return { result, position: `${home.databaseId}:${outboxNumber}` }
  } catch (error) {
    collector.end()
    await transaction.rollback()
    throw error
  }
}

/** What the work gives, unless the signal aborts before: work that does not look at it must not keep the transaction. */
function untilAborted<T>(signal: AbortSignal, work: () => T | Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted()
    signal.addEventListener('abort', () => reject(signal.reason), { once: true })
    Promise.resolve(work()).then(resolve, reject)
  })
}
