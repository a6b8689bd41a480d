import { BatchFilter } from '../../records/batch-filter.ts'
import type { RecordBatch } from '../../records/record-batch.ts'
import type { PartitionState } from '../partition-state.ts'
import type { CleaningContext } from './cleaning-context.ts'
import type { CompactedBatch, CompactionTable, PlacedBatch } from './compaction-table.ts'
import { KeyOffsets } from './key-offsets.ts'

/** When and how a partition is compacted. */
export interface CompactionRules {
  /** Batches younger than this are left alone, so that readers close to the end see every value (`min.compaction.lag.ms`). */
  readonly minLagMs: number
  /** Older than that or not, what lies further from the end than this is compacted. */
  readonly tailBytes: number
  /** It is worth it when this share of the bytes was never compacted (`min.cleanable.dirty.ratio`). */
  readonly dirtyRatio: number
  /** Tombstones stay for this long after they were compacted first (`delete.retention.ms`). */
  readonly tombstoneMs: number
  /** Distinct keys of one pass; with more it goes only so far (`log.cleaner.dedupe.buffer.size`). */
  readonly maxKeys: number
}

/** A minute of lag, 16 MB of tail, half of the bytes, a day for tombstones, a million keys. */
export const defaultCompactionRules: CompactionRules = {
  minLagMs: 60_000,
  tailBytes: 16 * 1024 * 1024,
  dirtyRatio: 0.5,
  tombstoneMs: 24 * 60 * 60 * 1000,
  maxKeys: 1_000_000,
}

/** Changed batches that are written together, at most. */
const maxBytesWritten = 4 * 1024 * 1024
const maxBatchesWritten = 256
/** Records between two looks at the clock. */
const stepRecords = 32

/** What a pass carries along. */
interface Pass {
  readonly partition: PartitionState
  readonly latest: KeyOffsets
  readonly changed: CompactedBatch[]
  changedBytes: number
}

/**
 * Keeps the last value of each key, as Kafka's log cleaner does. It notes the last offset of each key among the batches
 * that were never compacted, then goes over all batches up to there, from the oldest on, and leaves out records whose
 * key has a later one. Batches keep their base and last offset; one that is left without records goes.
 *
 * A tombstone stays for a time after it was compacted first, so that whoever reads from the start within that time sees
 * the deletion, and goes then: all older records of its key went before it, also when a pass was interrupted, because
 * each pass begins at the oldest batch and what it wrote is right by itself.
 */
export class CompactionPass {
  readonly #context: CleaningContext
  readonly #table: CompactionTable
  readonly #rules: CompactionRules

  constructor(context: CleaningContext, table: CompactionTable, rules: CompactionRules) {
    this.#context = context
    this.#table = table
    this.#rules = rules
  }

  async run(partition: PartitionState): Promise<void> {
    while (await this.#runOnce(partition));
  }

  /** Whether there was more to do than fitted. */
  async #runOnce(partition: PartitionState): Promise<boolean> {
    const { nowMs } = this.#context
    const { compactedTo, upTo, isDue } = this.#table.plan(partition, nowMs(), this.#rules)
    if (!isDue) return false
    const { latest, to } = await this.#noteKeys(partition, compactedTo, upTo)
    const pass: Pass = { partition, latest, changed: [], changedBytes: 0 }
    for (let position = 0; ; ) {
      const found = this.#table.next(partition, position, to)
      if (found === undefined) break
      position = found.lastOffset + 1
      await this.#compact(pass, found)
      if (pass.changedBytes >= maxBytesWritten || pass.changed.length >= maxBatchesWritten) await this.#write(pass)
      await this.#context.pace.keep()
    }
    await this.#write(pass)
    await this.#context.change(() => this.#table.setCompactedTo(partition, to))
    return to < upTo
  }

  /** The last offset of each key from `from` on, up to `upTo` or as far as there is room. */
  async #noteKeys(partition: PartitionState, from: number, upTo: number) {
    const room = Math.min(this.#rules.maxKeys, Math.max(1, upTo - from))
    let latest = new KeyOffsets(room)
    for (let position = from; ; ) {
      const found = this.#table.next(partition, position, upTo)
      if (found === undefined) return { latest, to: upTo }
      const { batch } = found
      if (latest.size + batch.count > latest.capacity) {
        if (latest.size > 0) return { latest, to: position }
        latest = new KeyOffsets(batch.count)
      }
      if (!batch.isControl) await this.#noteKeysOf(batch, latest)
      position = found.lastOffset + 1
      await this.#context.pace.keep()
    }
  }

  async #noteKeysOf(batch: RecordBatch, latest: KeyOffsets): Promise<void> {
    const record = batch.records()
    for (let count = 1; record.next(); count++) {
      const key = record.keyBytes()
      if (key !== null) latest.set(key, record.offset)
      if (count % stepRecords === 0) await this.#context.pace.keep()
    }
  }

  async #compact(pass: Pass, { number, lastOffset, batch, tombstonesUntilMs }: PlacedBatch): Promise<void> {
    // A marker of a transaction has no key of a user's.
    if (batch.isControl) return
    const nowMs = this.#context.nowMs()
    const tombstonesGo = tombstonesUntilMs !== undefined && tombstonesUntilMs <= nowMs
    let tombstones = 0
    const filter = new BatchFilter(batch)
    for (let count = 1; filter.next(); count++) {
      const { record } = filter
      const key = record.keyBytes()
      const isTombstone = key !== null && record.valueLength < 0
      const isOld = key !== null && record.offset < (pass.latest.get(key) ?? 0)
      if (isOld || (isTombstone && tombstonesGo)) filter.drop()
      else {
        if (isTombstone) tombstones++
        filter.keep()
      }
      if (count % stepRecords === 0) await this.#context.pace.keep()
    }
    const untilMs = tombstones === 0 ? undefined : (tombstonesUntilMs ?? nowMs + this.#rules.tombstoneMs)
    if (filter.dropped === 0 && untilMs === tombstonesUntilMs) return
    const bytes = filter.kept === 0 ? null : filter.finish()
    pass.changed.push({ number, lastOffset, sizeBytes: batch.sizeInBytes, bytes, tombstonesUntilMs: untilMs })
    pass.changedBytes += batch.sizeInBytes
  }

  async #write(pass: Pass): Promise<void> {
    const { partition, changed } = pass
    if (changed.length === 0) return
    await this.#context.change(() => this.#table.write(partition, changed))
    const bytes = changed.reduce((sum, each) => sum + (each.bytes?.length ?? 0), 0)
    this.#context.rewrote(partition, { before: changed.at(-1)!.lastOffset + 1, bytes })
    pass.changed.length = 0
    pass.changedBytes = 0
  }
}
