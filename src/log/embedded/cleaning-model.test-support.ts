/** What a log that is cleaned must still hold: compared with all that was ever appended to it. */
import { expect } from 'vitest'
import type { ManualClock } from '../../core/manual-clock.ts'
import { staged } from '../conformance/harness.ts'
import { until } from '../conformance/until.ts'
import type { Log, TopicPartition } from '../log.ts'
import type { RecordBatch } from '../records/record-batch.ts'

/** Keeps the last value of each key. */
export const prices = { topic: 'prices', partition: 0 }
/** Keeps 20,000 bytes for an hour. */
export const events = { topic: 'events', partition: 0 }
export const hourMs = 3_600_000
export const eventBytes = 20_000
/** How long tombstones stay. */
export const tombstoneMs = 2 * hourMs

interface ModelRecord {
  readonly offset: number
  readonly key: string
  readonly value: string | null
  readonly timestampMs: number
}

/** Makes both topics. */
export async function ensureTopics(log: Log): Promise<void> {
  await log.ensureTopics([
    { name: prices.topic, partitions: 1, exact: true, compacted: true },
    { name: events.topic, partitions: 1, exact: true, retention: { timeMs: hourMs, bytes: eventBytes } },
  ])
}

/** Lets the cleaner come to its next time, and waits for its end: it plans the next one then. */
export async function cleanOnce(clock: ManualClock): Promise<void> {
  await cleaned(clock)
  clock.advanceTo(clock.nextAtMs!)
  await cleaned(clock)
}

/** A cleaning that runs has ended. */
export async function cleaned(clock: ManualClock): Promise<void> {
  await until('the end of a cleaning', () => clock.nextAtMs !== undefined)
}

/** All batches from the start on. */
export async function readBatches(log: Log, partition: TopicPartition): Promise<readonly RecordBatch[]> {
  const [end = 0] = await log.offsets('end', [partition])
  const reader = log.createReader()
  reader.assign(partition, 0)
  const batches: RecordBatch[] = []
  await until(`reading ${partition.topic} to its end`, async () => {
    if (reader.position(partition) < end) for (const each of await reader.poll()) batches.push(...each.batches)
    return reader.position(partition) >= end
  })
  await reader.close()
  return batches
}

function recordsOf(batches: readonly RecordBatch[], start: number): readonly ModelRecord[] {
  const records: ModelRecord[] = []
  for (const batch of batches) {
    const cursor = batch.records()
    while (cursor.next()) {
      const { offset, timestampMs } = cursor
      if (offset >= start) records.push({ offset, key: cursor.keyText() ?? '', value: cursor.valueText(), timestampMs })
    }
  }
  return records
}
const valuesOf = (records: readonly ModelRecord[]) => {
  const values = new Map<string, string>()
  for (const { key, value } of records) {
    if (value === null) values.delete(key)
    else values.set(key, value)
  }
  return values
}

/** All that was appended to the two partitions, and whether a log agrees with it. */
export class CleaningModel {
  readonly #clock: ManualClock
  readonly #appended = new Map<TopicPartition, ModelRecord[]>([
    [prices, []],
    [events, []],
  ])

  constructor(clock: ManualClock) {
    this.#clock = clock
  }

  /** Appends one batch. */
  async append(log: Log, partition: TopicPartition, entries: readonly (readonly [string, string | null])[]) {
    const timestampMs = this.#clock.nowMs()
    const records = entries.map(([key, value]) => ({ key, value, timestampMs }))
    const [offset = 0] = await log.commit({ batches: [staged(partition, ...records)] })
    const placed = records.map((record, index) => ({ ...record, offset: offset + index }))
    this.#appended.get(partition)!.push(...placed)
  }

  /** What holds at any time, also when cleaning was interrupted. */
  async check(log: Log): Promise<void> {
    for (const partition of [prices, events]) {
      const batches = await readBatches(log, partition)
      const [start = 0] = await log.offsets('start', [partition])
      const found = recordsOf(batches, start)
      const left = this.#appended.get(partition)!.filter(({ offset }) => offset >= start)
      const [described] = await log.describePartitions([partition.topic])
      expect(described?.sizeBytes, `bytes of ${partition.topic}`).toBe(
        batches.reduce((sum, batch) => sum + batch.sizeInBytes, 0),
      )
      if (partition === events) {
        expect(found).toEqual(left)
        continue
      }
      const byOffset = new Map(left.map((record) => [record.offset, record]))
      expect(found).toEqual(found.map(({ offset }) => byOffset.get(offset)))
      expect(valuesOf(found)).toEqual(valuesOf(left))
      this.#checkTombstones(found, left)
    }
  }

  /** The deletion of a key is there for whoever reads from the start, for a time. */
  #checkTombstones(found: readonly ModelRecord[], left: readonly ModelRecord[]): void {
    const last = new Map(left.map((record) => [record.key, record]))
    const offsets = new Set(found.map(({ offset }) => offset))
    for (const { key, value, offset, timestampMs } of last.values()) {
      if (value !== null || timestampMs + tombstoneMs <= this.#clock.nowMs()) continue
      expect(offsets, `tombstone of ${key}`).toContain(offset)
    }
  }

  /** What holds when a cleaning came to its end. */
  async checkCleaned(log: Log): Promise<void> {
    await this.check(log)
    const compacted = (await readBatches(log, prices)).slice(0, -1)
    const keys = recordsOf(compacted, 0).map(({ key }) => key)
    expect(new Set(keys).size).toBe(keys.length)
    const batches = await readBatches(log, events)
    const [oldest] = batches
    const bytes = batches.reduce((sum, batch) => sum + batch.sizeInBytes, 0)
    expect(bytes - (oldest?.sizeInBytes ?? 0)).toBeLessThan(eventBytes)
    if (oldest !== undefined) expect(oldest.maxTimestampMs).toBeGreaterThanOrEqual(this.#clock.nowMs() - hourMs)
  }
}
