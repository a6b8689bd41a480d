import { invariant } from '../../core/errors.ts'
import type { Checkpoint, HomeTransaction, PartitionStoreWrites } from '../../runtime/commit/commit-home.ts'
import type { OutputMessage } from '../../runtime/commit/output.ts'
import type { Progress } from '../../runtime/commit/progress.ts'
import { moveCheckpoint } from './checkpoints.ts'
import type { Connection } from './connection.ts'
import { insertOutputs } from './outbox.ts'
import { writeStores } from './stores.ts'
import type { WriteTransaction } from './transaction.ts'

/** What the transaction needs of its database. */
interface Surroundings {
  readonly transaction: WriteTransaction
  readonly context: object
  readonly run: <T>(work: () => T) => T
  readonly committedOutbox: (number: number) => void
}
interface CommitUnit {
  readonly checkpoint?: Checkpoint
  readonly advance?: () => { readonly progress: Progress; readonly stores?: readonly PartitionStoreWrites[] }
  readonly committed?: () => void
  readonly outputs: readonly OutputMessage[]
}

/** A handler's transaction: its rows, its outputs and its checkpoint. The states are `WriteTransaction`'s. */
export class SqliteHomeTransaction implements HomeTransaction {
  readonly context: object
  readonly #surroundings: Surroundings

  constructor(surroundings: Surroundings) {
    this.context = surroundings.context
    this.#surroundings = surroundings
  }

  get refusal(): Error | undefined {
    return this.#surroundings.transaction.refusal
  }
  run<T>(work: () => T): T {
    return this.#surroundings.run(work)
  }

  async commit(unit: CommitUnit): Promise<{ readonly outboxNumber: number }> {
    const { checkpoint, advance, committed, outputs } = unit
    const { transaction, committedOutbox } = this.#surroundings
    let outboxNumber = 0
    const write = (connection: Connection): number => {
      const last = insertOutputs(connection, outputs)
      if (checkpoint !== undefined) {
        invariant(advance !== undefined, 'a checkpoint is to be committed and there is no progress for it')
        const { progress, stores = [] } = advance()
        moveCheckpoint(connection, checkpoint, progress)
        writeStores(connection, checkpoint.key, stores)
      }
      return last
    }
    await transaction.commit(write, (last) => {
      committed?.()
      outboxNumber = last
      if (last > 0) committedOutbox(last)
    })
    return { outboxNumber }
  }

  async rollback(): Promise<void> {
    this.#surroundings.transaction.rollback()
  }
}
