/**
 * The port of a database as commit home: the rows of a handler, the checkpoint of its record and everything that it
 * published commit in one database transaction. Implemented in `sql/`; the runtime knows no more than this of a database.
 */
import type { OutputMessage } from './output.ts'
import type { Progress } from './progress.ts'

/** Which checkpoint: one for each component and partition. Ids, so that another log or a new topic is told apart. */
export interface CheckpointKey {
  readonly group: string
  readonly logId: string
  readonly topic: string
  readonly topicId: string
  readonly partition: number
}

/** A partition's checkpoint, claimed: whoever claims it later fences this one. */
export interface Checkpoint {
  readonly key: CheckpointKey
  /** As stored when it was claimed; `undefined` where the component never finished a record of this partition. */
  readonly progress: Progress | undefined
}

/** One key of a store; a null value removes it. */
export type StoreChange = readonly [key: Uint8Array, value: Uint8Array | null]
/** Changes of one store of a partition, in order. */
export interface PartitionStoreWrites {
  readonly store: string
  readonly writes: readonly StoreChange[]
}
/** Which entries of a partition's store are read: from `from` on, up to and without `to`, at most `limit`. */
export interface StoreReadRange {
  readonly store: string
  readonly from: Uint8Array
  readonly to?: Uint8Array
  readonly limit: number
}

/** One transaction. It opens at its first statement, or at its commit when there was none. */
export interface HomeTransaction {
  /** What a handler's context gains: `{ tx }`. */
  readonly context: object
  /** Why it could not open until now, where that is the database's lock and nothing of the handler's. */
  readonly refusal?: Error | undefined
  /** Runs `work` so that a statement on the database's outer handle inside it throws instead of waiting for itself. */
  run<T>(work: () => T): T
  /**
   * Writes outputs to the outbox, moves the checkpoint and commits. `advance` is called when nothing can come between
   * it and the commit of this checkpoint, and must be free of effects: the transaction may still fail. Then all is
   * rolled back and it rejects; `FencedError` when the checkpoint was claimed by another owner.
   * Resolves when committed and visible, not yet durable: see `durable`. Returns the number of its last outbox row.
   */
  commit(unit: {
    readonly checkpoint?: Checkpoint
    readonly advance?: () => { readonly progress: Progress; readonly stores?: readonly PartitionStoreWrites[] }
    /**
     * Called at once when it is committed, before any other transaction's `advance`: mark as finished here what
     * `advance` counted, for after the returned promise another record's `advance` may have run. Must not throw.
     */
    readonly committed?: () => void
    readonly outputs: readonly OutputMessage[]
  }): Promise<{ readonly outboxNumber: number }>
  /** Undoes everything; later statements on it throw. Idempotent, and does nothing after `commit`. */
  rollback(): Promise<void>
}

/** A database as commit home. */
export interface DatabaseHome {
  /** Drawn once for a database and stored in it. */
  readonly databaseId: string
  /** For people: where it is, without secrets. */
  readonly location: string
  readonly outbox: Outbox
  /** Why nothing is written for the moment, for people; absent while it is. */
  readonly blockedBy?: string | undefined
  /** Takes over a partition's checkpoint. Throws `CheckpointLogError` when it belongs to another log or topic id. */
  claim(key: CheckpointKey): Promise<Checkpoint>
  /** `component` is named in warnings and errors. Throws inside a handler that has a transaction on this database. */
  begin(component?: string): HomeTransaction
  /** Entries of a store, in the order of their keys, as committed last. */
  readStore(
    key: CheckpointKey,
    range: StoreReadRange,
  ): Promise<readonly (readonly [key: Uint8Array, value: Uint8Array])[]>
  /** Resolves when everything that was committed before the call survives a power cut. */
  durable(): Promise<void>
}

/** One message in the outbox. */
export interface OutboxRow {
  /** Rises in commit order for whatever has an order to keep; may skip. */
  readonly number: number
  readonly message: OutputMessage
}
/** What handlers published in their database transactions and the log does not have yet. */
export interface Outbox {
  /** The first rows above `after`, in order, about `maxBytes` of them (at least one where there is one). */
  read(after: number, maxBytes: number): Promise<readonly OutboxRow[]>
  /** How many rows there are above `after`. */
  count(after: number): Promise<number>
  /** Forgets rows up to `number`, after they were published. */
  remove(upTo: number): Promise<void>
  /** Highest number that a row ever had, 0 before the first: below a published one, the database was rewound. */
  lastNumber(): Promise<number>
  /**
   * Calls `listener` after each commit here that left rows, and some milliseconds after any commit of another process.
   * Returns how to stop it.
   */
  onCommitted(listener: () => void): () => void
}
