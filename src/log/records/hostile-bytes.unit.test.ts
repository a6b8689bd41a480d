import { gzipSync, zstdCompressSync } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { layout } from './batch-layout.ts'
import { sealBatch } from './batch-sealer.ts'
import { CorruptBatchError, UnsupportedBatchVersionError, UnsupportedCompressionError } from './errors.ts'
import { anyRecords, batchAround, encode, exhaust, type HeaderNumbers } from './record-batch.test-support.ts'
import { RecordBatch, readBatches } from './record-batch.ts'

const expectedErrors = [CorruptBatchError, UnsupportedBatchVersionError, UnsupportedCompressionError]

/** Runs what may fail only as it should; says whether it did. */
function failsClearly(run: () => void): boolean {
  try {
    run()
    return false
  } catch (error) {
    if (expectedErrors.some((kind) => error instanceof kind)) return true
    throw error
  }
}

const sealed = fc
  .tuple(anyRecords, fc.constantFrom('none' as const, 'gzip' as const, 'zstd' as const))
  .map(([records, compression]) => Buffer.from(sealBatch(encode(records), { baseOffset: 5, compression })))

const hostileInt32 = fc.constantFrom(-(2 ** 31), -1, 0, 1, 2 ** 15, 2 ** 31 - 1)

describe('whatever the bytes are', () => {
  it('a batch that was changed anywhere fails clearly or is read', () => {
    const change = fc.tuple(fc.nat(), fc.nat(255))
    fc.assert(
      fc.property(sealed, fc.array(change, { minLength: 1, maxLength: 8 }), (bytes, changes) => {
        for (const [place, byte] of changes) bytes[place % bytes.length] = byte
        const options = { verifyChecksum: false, maxDecompressedBytes: 1 << 20 }
        failsClearly(() => exhaust(bytes, options))
        failsClearly(() => readBatches(bytes, options))
      }),
      { numRuns: 2000 },
    )
  })

  it('a batch whose records are random fails clearly or is read', () => {
    const attributes = fc.nat(63)
    const count = fc.oneof(hostileInt32, fc.nat(20))
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 300 }),
        attributes,
        count,
        hostileInt32,
        (records, attributes, recordCount, last) => {
          const bytes = batchAround(records, { attributes, recordCount, lastOffsetDelta: last })
          failsClearly(() => exhaust(bytes, { maxDecompressedBytes: 1 << 20 }))
        },
      ),
      { numRuns: 2000 },
    )
  })

  it('random bytes fail clearly or hold no whole batch', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
        expect(failsClearly(() => exhaust(bytes))).toBe(true)
        failsClearly(() => expect(readBatches(bytes)).toEqual([]))
      }),
      { numRuns: 1000 },
    )
  })

  it('every flipped bit from the format version on is found', () => {
    const bytes = sealBatch(encode([{ timestampMs: 1, key: 'key', value: 'value', headers: [['a', null]] }]), {
      baseOffset: 5,
    })
    for (let bit = layout.magic * 8; bit < bytes.length * 8; bit++) {
      const damaged = Buffer.from(bytes)
      damaged[bit >> 3]! ^= 1 << (bit & 7)
      expect(failsClearly(() => RecordBatch.parse(damaged))).toBe(true)
    }
  })

  it('every truncation is found', () => {
    const bytes = sealBatch(encode([{ timestampMs: 1, key: 'key', value: 'value' }]), { baseOffset: 5 })
    for (let length = 0; length < bytes.length; length++) {
      expect(() => RecordBatch.parse(bytes.subarray(0, length))).toThrow(CorruptBatchError)
    }
  })
})

describe('a clear error', () => {
  const valid = [12, 0, 0, 0, 1, 1, 0]
  const cases: readonly (readonly [string, readonly number[], HeaderNumbers, string])[] = [
    [
      'a count of 2^31 - 1',
      valid,
      { recordCount: 2 ** 31 - 1, lastOffsetDelta: 2 ** 31 - 2 },
      '2147483647 records cannot be in 7 bytes',
    ],
    ['a negative count', valid, { recordCount: -5 }, 'its record count is -5'],
    ['more records than offsets', valid, { recordCount: 2 }, 'its record count is 2, of 1 offsets'],
    [
      'fewer records than the count',
      [...valid, 0, 0, 0, 0, 0, 0, 0],
      { recordCount: 2, lastOffsetDelta: 1 },
      "a record's length is 0",
    ],
    ['more records than the count', [...valid, ...valid], {}, '7 bytes follow the last record'],
    ['a negative last offset', valid, { lastOffsetDelta: -1, recordCount: 0 }, 'its last offset delta is -1'],
    ['an offset beyond 2^53', valid, { baseOffset: Number.MAX_SAFE_INTEGER }, 'its offsets are not from 0 to 2^53'],
    ['a negative offset', valid, { baseOffset: -1 }, 'its offsets are not from 0 to 2^53'],
    ['a timestamp beyond 2^53', valid, { baseTimestamp: 2 ** 60 }, 'the base timestamp is beyond 2^53'],
    ['an unknown compression', valid, { attributes: 6 }, 'its compression is 6'],
    ['a negative record length', [1, 0, 0, 0, 1, 1, 0], {}, "a record's length is -1, with 6 bytes left"],
    ['a record length past the end', [14, 0, 0, 0, 1, 1, 0], {}, "a record's length is 7, with 6 bytes left"],
    [
      'a record length that never ends',
      [255, 255, 255, 255, 255, 255, 255, 255],
      {},
      'a varint is longer than 32 bits',
    ],
    ['a timestamp that never ends', [24, 0, ...new Array(11).fill(255)], {}, 'a varint is longer than 64 bits'],
    [
      'a timestamp delta beyond 2^53',
      [30, 0, ...new Array(9).fill(255), 1, 0, 1, 1, 0, 0],
      {},
      'a number is beyond 2^53',
    ],
    ['a varint cut off by its record', [12, 0, 0, 0, 1, 1, 128], {}, 'it ends in the middle of a record'],
    ['an offset past the last one', [12, 0, 0, 2, 1, 1, 0], {}, 'offset 1 stands after -1 in a batch up to 0'],
    ['a negative offset delta', [12, 0, 0, 1, 1, 1, 0], {}, 'offset -1 stands after -1'],
    [
      'an offset that comes twice',
      [...valid, ...valid],
      { recordCount: 2, lastOffsetDelta: 1 },
      'offset 0 stands after 0',
    ],
    ['a key length of -2', [12, 0, 0, 0, 3, 1, 0], {}, 'the length of a key is -2, with 2 bytes left'],
    ['a key past its record', [12, 0, 0, 0, 8, 1, 0, 0, 0], {}, 'the length of a key is 4, with 2 bytes left'],
    ['a value past its record', [12, 0, 0, 0, 1, 4, 0, 0, 0], {}, 'the length of a value is 2, with 1 bytes left'],
    ['a negative header count', [12, 0, 0, 0, 1, 1, 1], {}, 'a record has -1 headers in 0 bytes'],
    [
      'a header count of 2^31 - 1',
      [20, 0, 0, 0, 1, 1, 254, 255, 255, 255, 15],
      {},
      'a record has 2147483647 headers in 0 bytes',
    ],
    ['bytes after a record without headers', [14, 0, 0, 0, 1, 1, 0, 9], {}, 'a record has 0 headers in 1 bytes'],
    ['bytes after the last header', [18, 0, 0, 0, 1, 1, 2, 0, 1, 9], {}, "1 bytes follow a record's last header"],
    ['a header without a name', [16, 0, 0, 0, 1, 1, 2, 1, 1], {}, 'a header has no name'],
    ['a header name past its record', [16, 0, 0, 0, 1, 1, 2, 4, 1], {}, 'the length of a header name is 2'],
    ['a header value past its record', [16, 0, 0, 0, 1, 1, 2, 0, 2], {}, 'the length of a header value is 1'],
    ['records that are no gzip', valid, { attributes: 1 }, 'its records cannot be decompressed as gzip'],
    ['records that are no zstd', valid, { attributes: 4 }, 'its records cannot be decompressed as zstd'],
  ]

  it.each(cases)('says what and where: %s', (_name, records, numbers, fault) => {
    const bytes = batchAround(Uint8Array.from(records), numbers)
    const read = () => exhaust(bytes)
    expect(read).toThrow(CorruptBatchError)
    expect(read).toThrow(fault)
    expect(read).toThrow(/at byte \d+ of the (batch|decompressed records): /)
  })

  it('reads the bytes that the cases are made from', () => {
    expect(() => exhaust(batchAround(Uint8Array.from(valid)))).not.toThrow()
  })

  it('names offset and place for a program too', () => {
    const bytes = batchAround(gzipSync(Uint8Array.from([12, 0, 0, 0, 3, 1, 0])), { attributes: 1, baseOffset: 77 })
    const error = caught(() => exhaust(bytes))
    expect(error).toBeInstanceOf(CorruptBatchError)
    expect(error).toMatchObject({
      code: 'CORRUPT_BATCH',
      retryable: false,
      place: { baseOffset: 77, position: 4, part: 'decompressed records' },
    })
  })

  it('keeps the cause of a failed decompression', () => {
    const bytes = batchAround(gzipSync(Buffer.alloc(100)).subarray(0, 15), { attributes: 1 })
    expect(caught(() => exhaust(bytes))).toMatchObject({ cause: { code: 'Z_BUF_ERROR' } })
  })

  it('comes of a length that no batch has', () => {
    for (const length of [-(2 ** 31), -1, 0, 48]) {
      const bytes = batchAround(Uint8Array.from(valid))
      bytes.writeInt32BE(length, layout.batchLength)
      expect(() => RecordBatch.parse(bytes)).toThrow(`its length is ${length}`)
      expect(() => readBatches(bytes)).toThrow(CorruptBatchError)
    }
  })

  it('comes of the formats before Kafka 0.11', () => {
    for (const magic of [0, 1, 3, -1]) {
      const bytes = batchAround(Uint8Array.from(valid))
      bytes.writeInt8(magic, layout.magic)
      expect(() => RecordBatch.parse(bytes)).toThrow(UnsupportedBatchVersionError)
    }
  })

  it.each([
    ['snappy', 2],
    ['lz4', 3],
  ] as const)('comes of %s when the records are asked for, or are to be sealed', (compression, attributes) => {
    const batch = RecordBatch.parse(batchAround(Uint8Array.from(valid), { attributes }))
    expect(batch.compression).toBe(compression)
    expect(() => batch.records()).toThrow(UnsupportedCompressionError)
    const encoded = encode([{ timestampMs: 0, key: null, value: null }])
    expect(() => sealBatch(encoded, { baseOffset: 0, compression })).toThrow(UnsupportedCompressionError)
  })
})

describe('a decompression bomb', () => {
  const bombs = [
    ['gzip', 1, gzipSync(Buffer.alloc(8 << 20))],
    ['zstd', 4, zstdCompressSync(Buffer.alloc(8 << 20))],
  ] as const

  it.each(bombs)('stops at the bound that was given (%s)', (_name, attributes, records) => {
    const bytes = batchAround(records, { attributes })
    const before = process.memoryUsage().arrayBuffers
    expect(() => exhaust(bytes, { maxDecompressedBytes: 1 << 20 })).toThrow('decompress to more than 1048576 bytes')
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(4 << 20)
  })

  it('stops at 256 MiB where no bound was given', () => {
    const records = zstdCompressSync(Buffer.alloc((256 << 20) + 1))
    expect(() => exhaust(batchAround(records, { attributes: 4 }))).toThrow('more than 268435456 bytes')
  })
})

function caught(run: () => void): unknown {
  try {
    run()
  } catch (error) {
    return error
  }
  return undefined
}
