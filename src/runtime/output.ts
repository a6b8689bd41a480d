import type { Bytes, RecordHeader } from '../log/records/batch-writer.ts'

/** One record on its way to a topic, encoded: checked against its schema, with id and headers, not yet in a partition. */
export interface OutputMessage {
  readonly topic: string
  readonly key: Bytes
  readonly value: Bytes
  readonly headers: readonly RecordHeader[]
  readonly timestampMs: number
}
