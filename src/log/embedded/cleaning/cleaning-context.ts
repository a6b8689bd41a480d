import type { RemovedSlice } from '../batch-removal.ts'
import type { PartitionState } from '../partition-state.ts'
import type { Pace } from './pace.ts'

/** What the parts of one cleaning share. */
export interface CleaningContext {
  readonly path: string
  readonly pace: Pace
  /** Milliseconds since the epoch. */
  nowMs(): number
  /** A transaction between those of the commits. */
  change<T>(work: () => T): Promise<T>
  /** Batches below `before` were written anew, so many bytes, and that is committed. */
  rewrote(partition: PartitionState, written: { readonly before: number; readonly bytes: number }): void
  /** The slice is committed. */
  removed(partition: PartitionState, slice: RemovedSlice): void
}
