import { type Channel, channel, subscribe, unsubscribe } from 'node:diagnostics_channel'
import { FaultList } from '../../core/faults.ts'

/** The record that a message is about, and the group that handles it. */
export interface DiagnosedRecord {
  readonly group: string
  readonly topic: string
  readonly partition: number
  readonly offset: number
  /** Of the record: the `id` of the handler's context. */
  readonly id: string
  /** The number of the attempt, 1 at first. */
  readonly attempt: number
}

/**
 * What is published on each of the channels of `node:diagnostics_channel`. They are told as it happens, in the process
 * where it happens, and a message is not kept: for what must not be missed, ask `app.status()`.
 */
export interface DiagnosticMessages {
  /** A handler ended well. Its record is finished; a log as home commits it a little later (`millrace:commit`). */
  readonly 'millrace:record:handled': DiagnosedRecord & {
    /** 1; of a batch, which is told of once and by its first record, those that its handler was done with. */
    readonly records: number
    /** From the call of the handler until its record was finished; with a database that holds the commit. */
    readonly durationMs: number
  }
  /** An attempt failed. Without `retryInMs` it was the last one, and `millrace:record:dead` may follow. */
  readonly 'millrace:record:failed': DiagnosedRecord & { readonly error: Error; readonly retryInMs?: number }
  /** A record left its partition's offsets to wait for its next attempt in the store, its key with it. */
  readonly 'millrace:record:held': DiagnosedRecord & { readonly key: string | null; readonly dueAt: Date }
  /** A record went to the dead letters. `deadLetterId` is what `app.deadLetters.redrive({ id })` takes. */
  readonly 'millrace:record:dead': DiagnosedRecord & {
    readonly error: Error
    readonly fingerprint: string
    readonly deadLetterId: string
  }
  /** A dead letter is at the head of its key's lane again. */
  readonly 'millrace:record:redriven': Omit<DiagnosedRecord, 'attempt'> & { readonly deadLetterId: string }
  /** Offsets, outputs and stores of a group went into the log together. With a database, the offsets that follow it. */
  readonly 'millrace:commit': {
    readonly group: string
    readonly partitions: number
    readonly outputs: number
    readonly durationMs: number
  }
  /** Partitions that a member got, gave up, or lost to another one (then what ran of them commits nothing). */
  readonly 'millrace:rebalance:assigned': DiagnosedRebalance
  readonly 'millrace:rebalance:revoked': DiagnosedRebalance
  readonly 'millrace:rebalance:lost': DiagnosedRebalance
  /** A component waits for something that its handlers need (`pauseOn`), and when it goes on. */
  readonly 'millrace:circuit:opened': { readonly group: string; readonly error: Error; readonly probeInMs: number }
  readonly 'millrace:circuit:closed': { readonly group: string; readonly waitedMs: number }
  /** The messages of an outbox that are in the log now. */
  readonly 'millrace:relay:published': {
    readonly database: string
    readonly messages: number
    readonly durationMs: number
  }
  /** A component died: the app is down, and `run` rejects. */
  readonly 'millrace:component:failed': { readonly kind: string; readonly name: string; readonly error: Error }
}
/** Partitions of a group. */
export interface DiagnosedRebalance {
  readonly group: string
  readonly partitions: readonly { readonly topic: string; readonly partition: number }[]
}

/** The name of a channel. */
export type DiagnosticName = keyof DiagnosticMessages

/** One channel. Ask `hasSubscribers` before a message is made: then it costs nothing where nobody listens. */
export class Diagnostic<Name extends DiagnosticName> {
  readonly name: Name
  readonly #channel: Channel
  constructor(name: Name) {
    this.name = name
    this.#channel = channel(name)
  }
  get hasSubscribers(): boolean {
    return this.#channel.hasSubscribers
  }
  /** A listener that throws ends the process as an uncaught exception does; it does not reach the caller. */
  publish(message: DiagnosticMessages[Name]): void {
    this.#channel.publish(message)
  }
}

/** The channels that the framework publishes on. */
export const diagnostics = {
  handled: new Diagnostic('millrace:record:handled'),
  failed: new Diagnostic('millrace:record:failed'),
  held: new Diagnostic('millrace:record:held'),
  dead: new Diagnostic('millrace:record:dead'),
  redriven: new Diagnostic('millrace:record:redriven'),
  committed: new Diagnostic('millrace:commit'),
  assigned: new Diagnostic('millrace:rebalance:assigned'),
  revoked: new Diagnostic('millrace:rebalance:revoked'),
  lost: new Diagnostic('millrace:rebalance:lost'),
  opened: new Diagnostic('millrace:circuit:opened'),
  closed: new Diagnostic('millrace:circuit:closed'),
  relayed: new Diagnostic('millrace:relay:published'),
  componentFailed: new Diagnostic('millrace:component:failed'),
} as const

/**
 * Calls `listener` with each message of a channel in this process; the same as `subscribe` of `node:diagnostics_channel`,
 * with the types. Returns how to stop it. A listener runs inside of what it is told about: it has to be quick, and one
 * that throws ends the process.
 *
 * @throws InvalidOptionsError for a channel that there is not, which would be silent for ever.
 * @example
 * ```ts
 * const stop = onDiagnostic('millrace:record:handled', ({ group, durationMs }) => histogram.record(durationMs, { group }))
 * ```
 */
export function onDiagnostic<Name extends DiagnosticName>(
  name: Name,
  listener: (message: DiagnosticMessages[Name]) => void,
): () => void {
  const faults = new FaultList()
  const names: readonly string[] = Object.values(diagnostics).map((each) => each.name)
  faults.expect(names.includes(name), 'name', `there is no channel ${JSON.stringify(name)}: give ${names.join(', ')}`)
  faults.expect(typeof listener === 'function', 'listener', 'give a function')
  faults.throwIfAny('onDiagnostic()')
  const told = (message: unknown) => listener(message as DiagnosticMessages[Name])
  // `channel().subscribe` does not keep the channel: one that nobody else holds would be collected with its listeners.
  subscribe(name, told)
  return () => void unsubscribe(name, told)
}
