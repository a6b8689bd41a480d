import { MillraceError } from '../../core/errors.ts'

/** Where in its bytes a batch is damaged. */
export interface CorruptPlace {
  /** Byte, counted from the start of what `part` names. */
  readonly position: number
  /** `batch` by default: what begins with the base offset. Compressed records are counted after decompression. */
  readonly part?: 'batch' | 'decompressed records'
  /** The batch's base offset, where it could be read. */
  readonly baseOffset?: number
  readonly cause?: unknown
}

/** Bytes that are no whole, valid record batch: truncated, damaged or made to harm. Nothing of the record was delivered. */
export class CorruptBatchError extends MillraceError {
  readonly code = 'CORRUPT_BATCH'
  readonly place: CorruptPlace
  constructor(fault: string, place: CorruptPlace) {
    const { baseOffset, position, part = 'batch', cause } = place
    const batch = baseOffset === undefined ? 'Record batch' : `Record batch at offset ${baseOffset}`
    super(
      `${batch} is corrupt at byte ${position} of the ${part}: ${fault}. ` +
        'Read it again; if it stays so, restore the log from a copy or seek past the batch.',
      cause === undefined ? undefined : { cause },
    )
    this.place = place
  }
}

/** Records compressed by a method that this build cannot read or write. */
export class UnsupportedCompressionError extends MillraceError {
  readonly code = 'UNSUPPORTED_COMPRESSION'
  constructor(compression: string) {
    super(
      `Record batches compressed with ${compression} are not supported: ` +
        'set compression.type of the producer, and of the topic, to none, gzip or zstd.',
    )
  }
}

/** A batch in Kafka's format before 0.11 (magic 0 or 1), or in one that does not exist yet. */
export class UnsupportedBatchVersionError extends MillraceError {
  readonly code = 'UNSUPPORTED_BATCH_VERSION'
  constructor(magic: number, position: number) {
    super(
      `The record batch at byte ${position} has format version ${magic}, and only version 2 is read. ` +
        'Versions 0 and 1 were written by clients before Kafka 0.11: copy such a topic with a current client first.',
    )
  }
}

/** A record that the format cannot hold. It was not appended; the batch is as it was. */
export class InvalidRecordError extends MillraceError {
  readonly code = 'INVALID_RECORD'
}

/** More bytes than one batch can hold (2 GiB). The record was not appended; the batch is as it was. */
export class BatchTooLargeError extends MillraceError {
  readonly code = 'BATCH_TOO_LARGE'
  constructor(sizeInBytes: number, limitBytes: number) {
    super(`A record batch of up to ${sizeInBytes} bytes is over the ${limitBytes} that the format allows: split it.`)
  }
}
