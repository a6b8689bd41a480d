import type { Bytes, RecordHeader } from '../../log/records/batch-writer.ts'
import { deduplicateHeader, idHeader } from '../headers.ts'

/** One record on its way to a topic, encoded: checked against its schema, with id and headers, not yet in a partition. */
export interface OutputMessage {
  readonly topic: string
  readonly key: Bytes
  readonly value: Bytes
  readonly headers: readonly RecordHeader[]
  readonly timestampMs: number
}

/**
 * What decides a record's partition: its key, or the id of a task without a key of whose copies one is done, so that one
 * owner sees them all. null where any partition will do.
 */
export function placeBy({ key, headers }: Pick<OutputMessage, 'key' | 'headers'>): Bytes {
  if (key !== null || headers.length < 2 || !headers.some(([name]) => name === deduplicateHeader)) return key
  return headers.find(([name]) => name === idHeader)?.[1] ?? null
}
