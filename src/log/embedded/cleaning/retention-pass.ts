import type { Retention } from '../../log.ts'
import type { BatchRemoval, OldestBatch } from '../batch-removal.ts'
import { appendedBytes } from '../batch-store.ts'
import { reading, type SqlDatabase, type SqlStatement } from '../database.ts'
import type { PartitionState } from '../partition-state.ts'
import type { CleaningContext } from './cleaning-context.ts'

/** Deletes what the retention of a topic lets go. */
export class RetentionPass {
  readonly #context: CleaningContext
  readonly #removal: BatchRemoval
  readonly #size: SqlStatement

  constructor(context: CleaningContext, parts: { readonly database: SqlDatabase; readonly removal: BatchRemoval }) {
    this.#context = context
    this.#removal = parts.removal
    this.#size = parts.database.prepare(
      `SELECT ${appendedBytes('?1')} - removed_bytes FROM partition WHERE number = ?1`,
    )
  }

  /**
   * The oldest batches go, as long as all their records and those before them are older than the limit, or as what is
   * behind them comes to the bytes that are kept. As in Kafka, a record from the future keeps those behind it.
   */
  async run(partition: PartitionState, { timeMs, bytes }: Retention): Promise<void> {
    const { pace, nowMs } = this.#context
    for (let more = true; more; ) {
      await pace.keep()
      const cutoffMs = timeMs === undefined ? -1 : nowMs() - timeMs
      const mayGo = (left: number) => (batch: OldestBatch) =>
        (batch.highestTimestampMs >= 0 && batch.highestTimestampMs < cutoffMs) ||
        (bytes !== undefined && left - batch.removed - batch.bytes >= bytes)
      const sizeBytes = this.#sizeOf(partition)
      if (!this.#removal.isDue(partition, mayGo(sizeBytes))) return
      const slice = await this.#context.change(() =>
        this.#removal.removeSlice(partition, { before: Number.MAX_SAFE_INTEGER, mayGo: mayGo(sizeBytes) }),
      )
      more = slice.more
      this.#context.removed(partition, slice)
    }
  }

  #sizeOf(partition: PartitionState): number {
    return reading(this.#context.path, () => (this.#size.get(partition.number) as [number])[0])
  }
}
