import { sealBatch } from '../../log/records/batch-sealer.ts'
import { BatchWriter, type RecordFields } from '../../log/records/batch-writer.ts'
import { RecordBatch } from '../../log/records/record-batch.ts'

/** A handler's failures with one record, for people and for the dead letter. */
export interface FailureNote {
  readonly error: string
  readonly firstFailedAtMs: number
  readonly lastFailedAtMs: number
}

/**
 * A record that left its partition's offsets and waits in the store.
 *
 *     delayed    until its time; then it enters its lane
 *     held       until its next attempt; its lane waits with it
 *     following  until the one before it in its lane is done
 *     dead       a grave: the record is among the dead letters, its lane waits until it is redriven or discarded
 */
export interface ParkedRecord {
  /** Its place among the parked records of its partition; of one lane the lower one first. */
  readonly sequence: number
  readonly reason: 'delayed' | 'held' | 'following' | 'dead'
  readonly laneKey: string | null
  /** On the clock; 0 for a follower and for a grave. */
  readonly dueMs: number
  /** The number of its next attempt. */
  readonly attempt: number
  readonly id: string
  readonly offset: number
  readonly sizeBytes: number
  readonly failure?: FailureNote
  /** Of a grave: the id of the dead letter. */
  readonly death?: string
}

/** The store of a partition that they are in. */
export const parkedStore = 'parked'

const headMark = 0x68
const bodyMark = 0x62
/** Makes every sequence positive, so that keys sort as sequences do. */
const sequenceShift = 2n ** 62n

/** Keys of all heads, from the first up to and without the second. */
export const headKeys = { from: Buffer.from([headMark]), to: Buffer.from([headMark + 1]) }

/** Where the head of a parked record stands. */
export function headKey(sequence: number): Buffer {
  return keyOf(headMark, sequence)
}
/** Where its body stands. */
export function bodyKey(sequence: number): Buffer {
  return keyOf(bodyMark, sequence)
}
function keyOf(mark: number, sequence: number): Buffer {
  const key = Buffer.alloc(9)
  key[0] = mark
  key.writeBigUInt64BE(BigInt(sequence) + sequenceShift, 1)
  return key
}

/** What changes from attempt to attempt is apart from the record itself, which may be large. */
export function encodeHead({ sequence: _, ...head }: ParkedRecord): Buffer {
  return Buffer.from(JSON.stringify(head))
}
/** What `encodeHead` wrote, with the sequence that its key says. */
export function decodeHead(key: Uint8Array, value: Uint8Array): ParkedRecord {
  const sequence = Number(Buffer.from(key).readBigUInt64BE(1) - sequenceShift)
  return { ...(JSON.parse(Buffer.from(value).toString()) as Omit<ParkedRecord, 'sequence'>), sequence }
}

/** The record as it came: a batch of its own, at its own offset. */
export function encodeBody(fields: RecordFields, offset: number): Buffer {
  const writer = new BatchWriter()
  writer.append(fields)
  return sealBatch(writer.finish(), { baseOffset: offset })
}
/** What `encodeBody` wrote. Throws `CorruptBatchError`. */
export function decodeBody(bytes: Uint8Array): RecordBatch {
  return RecordBatch.parse(bytes)
}
