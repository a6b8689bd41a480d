/**
 * The header of a record batch v2 (KIP-98), byte by byte. The checksum covers everything from `attributes` on, so that
 * base offset, length and leader epoch can be set without it.
 */
export const layout = {
  baseOffset: 0,
  batchLength: 8,
  leaderEpoch: 12,
  magic: 16,
  checksum: 17,
  attributes: 21,
  lastOffsetDelta: 23,
  baseTimestamp: 27,
  maxTimestamp: 35,
  producerId: 43,
  producerEpoch: 51,
  baseSequence: 53,
  recordCount: 57,
  records: 61,
} as const

/** `batchLength` counts what follows it. */
export const bytesBeforeLength = layout.leaderEpoch

/** The format's version, which the byte `magic` says. */
export const magicVersion = 2

/** Bits of the attributes: the number of the compression. */
export const compressionMask = 0b111
/** The log's time stands for the records' own. */
export const appendTimeFlag = 1 << 3
/** Part of a transaction. */
export const transactionalFlag = 1 << 4
/** Holds a marker of the log's own. */
export const controlFlag = 1 << 5

/** A length is a signed 32-bit number. */
export const maxBatchBytes = 2 ** 31 - 1

/** A record takes at least its length, attributes, two deltas, two lengths and the header count: a byte each. */
export const minRecordBytes = 7

/** Writes an integer of up to 53 bits as Kafka's INT64. */
export function writeInt64(target: Buffer, value: number, position: number): void {
  const high = Math.floor(value / 2 ** 32)
  target.writeInt32BE(high, position)
  target.writeUInt32BE(value - high * 2 ** 32, position + 4)
}

/** Reads an INT64; exact as long as `Number.isSafeInteger` says so of the result. */
export function readInt64(source: Buffer, position: number): number {
  return source.readInt32BE(position) * 2 ** 32 + source.readUInt32BE(position + 4)
}
