import type { Log, TopicPartition } from '../../log/log.ts'
import type { ParkedRecord } from '../../runtime/parking/parked-record.ts'
import type { StoreReader } from '../../sql/store-reader.ts'
import { readLag } from './groups.ts'
import { readParked } from './parked.ts'

/** A key whose records wait until the first of them is tried again. */
export interface HeldKeySummary extends TopicPartition {
  readonly group: string
  /** null for a record without a key, which waits alone. */
  readonly key: string | null
  /** How many wait. */
  readonly records: number
  /** Of the first of them. */
  readonly offset: number
  readonly id: string
  readonly attempt: number
  /** Null where it is dead: its key waits until it is redriven or discarded. */
  readonly dueAt: string | null
  /** The error of its last attempt; null for one that was told to be handled again. */
  readonly error: string | null
}

/** What is held in the log, and in a database where groups commit there, the first due first. */
export async function listHeld(
  log: Log,
  { group, database }: { readonly group: string | undefined; readonly database: StoreReader | undefined },
): Promise<readonly HeldKeySummary[]> {
  const held: HeldKeySummary[] = []
  for (const { group: name, topic, partition } of await readLag(log, group)) {
    const lanes = new Map<string, ParkedRecord[]>()
    for (const record of await readParked(log, { group: name, topic, partition }, database)) {
      if (record.reason === 'delayed') continue
      const lane = record.laneKey === null ? `alone ${record.sequence}` : `key ${record.laneKey}`
      lanes.set(lane, [...(lanes.get(lane) ?? []), record])
    }
    for (const lane of lanes.values()) held.push(describe({ group: name, topic, partition }, lane))
  }
  return held.sort((one, other) => ((one.dueAt ?? '') < (other.dueAt ?? '') ? -1 : 1))
}

function describe(place: TopicPartition & { readonly group: string }, lane: readonly ParkedRecord[]): HeldKeySummary {
  const { laneKey, offset, id, attempt, dueMs, failure, reason } = lane[0]!
  return {
    ...place,
    key: laneKey,
    records: lane.length,
    offset,
    id,
    attempt,
    dueAt: reason === 'dead' ? null : new Date(dueMs).toISOString(),
    error: failure?.error ?? null,
  }
}
