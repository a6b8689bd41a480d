import { RecordBatch } from '../records/record-batch.ts'

/** One batch as it is stored. */
export interface StoredBatch {
  readonly baseOffset: number
  readonly lastOffset: number
  readonly bytes: Buffer
}
/** The same, read lazily and once for all readers. */
export class CachedBatch implements StoredBatch {
  readonly baseOffset: number
  readonly lastOffset: number
  readonly bytes: Buffer
  #batch: RecordBatch | undefined

  constructor({ baseOffset, lastOffset, bytes }: StoredBatch) {
    this.baseOffset = baseOffset
    this.lastOffset = lastOffset
    this.bytes = bytes
  }

  /** Without a look at the checksum: we have computed it, and the bytes never left memory. */
  get batch(): RecordBatch {
    this.#batch ??= RecordBatch.parse(this.bytes, { verifyChecksum: false })
    return this.#batch
  }
}

/**
 * The durable batches at the end of one partition, so that a consumer that has caught up reads no file. It holds
 * everything from `start` to the end of the partition without a hole; what is dropped is always the oldest.
 */
export class PartitionTail {
  /** Those before the head were dropped; the array is cut when half of it is empty. */
  #batches: (CachedBatch | undefined)[] = []
  #head = 0
  /** Batches that were dropped before their turn: the cache will still ask for them. */
  #droppedEarly = 0
  #start: number

  /** Empty: it begins where the partition ends now. */
  constructor(end: number) {
    this.#start = end
  }

  /** Reads from here on are answered. */
  get start(): number {
    return this.#start
  }

  /** What lies before `end` and is not here is in the file: only what is appended from now on is answered. */
  skipTo(end: number): void {
    this.#start = Math.max(this.#start, end)
  }

  append(batch: CachedBatch): void {
    this.#batches.push(batch)
  }

  /** Drops the oldest batch and returns its size. */
  dropOldest(): number {
    if (this.#droppedEarly > 0) {
      this.#droppedEarly--
      return 0
    }
    return this.#dropFirst()
  }

  /** Drops all batches that end before `offset`, and returns their size. */
  dropBefore(offset: number): number {
    let bytes = 0
    for (let first = this.#batches[this.#head]; first !== undefined && first.lastOffset < offset; ) {
      bytes += this.#dropFirst()
      this.#droppedEarly++
      first = this.#batches[this.#head]
    }
    return bytes
  }

  #dropFirst(): number {
    const dropped = this.#batches[this.#head]
    if (dropped === undefined) return 0
    this.#batches[this.#head++] = undefined
    this.#start = Math.max(this.#start, dropped.lastOffset + 1)
    if (this.#head * 2 > this.#batches.length) {
      this.#batches = this.#batches.slice(this.#head)
      this.#head = 0
    }
    return dropped.bytes.length
  }

  /** Batches from the one that holds `position`, or the next one: about `maxBytes`, at least one if there is any. */
  read(position: number, maxBytes: number): RecordBatch[] {
    const found: RecordBatch[] = []
    let bytes = 0
    for (let index = this.#find(position); index < this.#batches.length && bytes < maxBytes; index++) {
      const cached = this.#batches[index]!
      found.push(cached.batch)
      bytes += cached.bytes.length
    }
    return found
  }

  /** Index of the first batch whose last offset is at or after `position`. */
  #find(position: number): number {
    let low = this.#head
    let high = this.#batches.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#batches[middle]!.lastOffset < position) low = middle + 1
      else high = middle
    }
    return low
  }
}

/** Bounds the bytes of all partitions' tails together: the batches that were committed first go first. */
export class TailCache {
  readonly #maxBytes: number
  #bytes = 0
  /** The partition of each cached batch, in the order of the commits. */
  #order: PartitionTail[] = []
  #head = 0

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  /** What a partition has before `offset` was deleted or rewritten in the file. */
  dropBefore(tail: PartitionTail, offset: number): void {
    this.#bytes -= tail.dropBefore(offset)
  }

  append(tail: PartitionTail, batch: StoredBatch): void {
    tail.append(new CachedBatch(batch))
    this.#order.push(tail)
    this.#bytes += batch.bytes.length
    while (this.#bytes > this.#maxBytes && this.#head < this.#order.length) {
      this.#bytes -= this.#order[this.#head++]!.dropOldest()
    }
    if (this.#head * 2 > this.#order.length) {
      this.#order = this.#order.slice(this.#head)
      this.#head = 0
    }
  }
}
