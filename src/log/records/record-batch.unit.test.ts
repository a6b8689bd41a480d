import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { mergeBatches } from './batch-merger.ts'
import { sealBatch } from './batch-sealer.ts'
import type { Compression } from './compression.ts'
import { anyRecord, anyRecords, asRead, batchAround, encode, readAll } from './record-batch.test-support.ts'
import { RecordBatch, readBatches } from './record-batch.ts'

const compressions: readonly Compression[] = ['none', 'gzip', 'zstd']
const compression = fc.constantFrom(...compressions)
const baseOffset = fc.oneof(
  fc.nat(),
  fc.maxSafeNat().filter((offset) => offset < Number.MAX_SAFE_INTEGER - 1000),
)

describe('a round trip', () => {
  it('gives back any records, at any offset, in any compression', () => {
    fc.assert(
      fc.property(anyRecords, baseOffset, compression, (records, offset, compression) => {
        const batch = RecordBatch.parse(sealBatch(encode(records), { baseOffset: offset, compression }))
        expect(readAll(batch)).toEqual(asRead(records, offset))
        expect(batch.maxTimestampMs).toBe(Math.max(...records.map(({ timestampMs }) => timestampMs)))
        expect(batch.nextOffset).toBe(offset + records.length)
      }),
    )
  })

  it('through a merge is the same bytes as through one writer', () => {
    fc.assert(
      fc.property(
        fc.array(fc.array(anyRecord, { minLength: 1, maxLength: 5 }), { minLength: 1, maxLength: 30 }),
        (parts) => {
          const batches = parts.map(encode)
          // Sealed before: that changes nothing of the records.
          sealBatch(batches[0]!, { baseOffset: 7 })
          const merged = mergeBatches(batches)
          const whole = encode(parts.flat())
          expect({ ...merged, bytes: null }).toEqual({ ...whole, bytes: null })
          const fields = { baseOffset: 3, leaderEpoch: 1 }
          expect(sealBatch(merged, fields).equals(sealBatch(whole, fields))).toBe(true)
        },
      ),
    )
  })

  it.each(compressions)('holds records of 8 MB, text and bytes (%s)', (compression) => {
    const ascii = 'The 8 MB record. '.repeat(500_000)
    const wide = 'größer 商品 '.repeat(500_000)
    const records = [
      { timestampMs: 1, key: 'ascii', value: ascii },
      { timestampMs: 2, key: wide, value: null },
      { timestampMs: 3, key: null, value: Buffer.alloc(8 * 1024 * 1024 + 1, 7), headers: [['big', ascii] as const] },
      { timestampMs: 4, key: 'small', value: '' },
    ]
    const cursor = RecordBatch.parse(sealBatch(encode(records), { baseOffset: 0, compression })).records()
    expect(cursor.next()).toBe(true)
    expect(cursor.valueText() === ascii).toBe(true)
    expect(cursor.next()).toBe(true)
    expect(cursor.keyText() === wide).toBe(true)
    expect(cursor.next()).toBe(true)
    expect(cursor.valueBytes()!.equals(records[2]!.value as Buffer)).toBe(true)
    expect(cursor.headerText('big') === ascii).toBe(true)
    expect(cursor.next()).toBe(true)
    expect(cursor.keyText()).toBe('small')
    expect(cursor.next()).toBe(false)
  })
})

describe('a cursor', () => {
  it('gives the headers of any record that it passed, by its bookmark', () => {
    fc.assert(
      fc.property(anyRecords, compression, (records, compression) => {
        const cursor = RecordBatch.parse(sealBatch(encode(records), { baseOffset: 5, compression })).records()
        const bookmarks: number[] = []
        while (cursor.next()) {
          bookmarks.push(cursor.bookmark)
          // Reading elsewhere does not move the cursor.
          cursor.recordAt(bookmarks[0]!).headers()
        }
        const headers = bookmarks.map((bookmark) => cursor.recordAt(bookmark).headers())
        expect(headers).toEqual(asRead(records).map((record) => record.headers))
      }),
    )
  })

  const cursorOf = (...records: Parameters<typeof encode>[0]) => {
    const cursor = RecordBatch.parse(sealBatch(encode(records), { baseOffset: 10 })).records()
    cursor.next()
    return cursor
  }

  it('tells null from empty', () => {
    const cursor = cursorOf({ timestampMs: 0, key: null, value: '' }, { timestampMs: 0, key: '', value: null })
    expect([cursor.keyText(), cursor.keyBytes(), cursor.keyLength]).toEqual([null, null, -1])
    expect([cursor.valueText(), cursor.valueBytes(), cursor.valueLength]).toEqual(['', Buffer.alloc(0), 0])
    cursor.next()
    expect([cursor.keyText(), cursor.valueText()]).toEqual(['', null])
  })

  it('gives the last header of a name, as bytes and as text', () => {
    const headers = [
      ['id', '1'],
      ['größe', 'a'],
      ['id', 'two'],
      ['none', null],
      ['grö', 'b'],
      ['', 'empty name'],
      ['id-2', 'longer'],
      ['gro', 'plain'],
    ] as const
    const cursor = cursorOf({ timestampMs: 0, key: null, value: null, headers })
    expect(cursor.headerCount).toBe(8)
    expect(cursor.headerText('id')).toBe('two')
    expect(cursor.header('id')).toEqual(Buffer.from('two'))
    expect(cursor.headerText('größe')).toBe('a')
    expect(cursor.headerText('grö')).toBe('b')
    expect(cursor.headerText('gro')).toBe('plain')
    expect(cursor.headerText('none')).toBeNull()
    expect(cursor.headerText('')).toBe('empty name')
    for (const missing of ['i', 'id-', 'missing', 'größer', 'gr', 'größ'])
      expect(cursor.header(missing)).toBeUndefined()
    expect(cursor.headers().map(([name]) => name)).toEqual(headers.map(([name]) => name))
  })

  it('moves on from a record whose headers were read or not, and stays at the end', () => {
    const headers = [['a', '1'] as const]
    const cursor = cursorOf(
      { timestampMs: 5, key: 'a', value: 'x', headers },
      { timestampMs: 3, key: 'b', value: 'y', headers },
      { timestampMs: 9, key: 'c', value: 'z' },
    )
    expect(cursor.headerText('a')).toBe('1')
    expect(cursor.next()).toBe(true)
    expect([cursor.offset, cursor.timestampMs, cursor.keyText()]).toEqual([11, 3, 'b'])
    expect(cursor.next()).toBe(true)
    expect([cursor.offset, cursor.timestampMs, cursor.valueText(), cursor.headers()]).toEqual([12, 9, 'z', []])
    expect(cursor.next()).toBe(false)
    expect(cursor.next()).toBe(false)
  })
})

describe('a batch', () => {
  // Two records (no key, no value) with the deltas 2 and 5.
  const gaps = Buffer.from([12, 0, 0, 4, 1, 1, 0, 12, 0, 0, 10, 1, 1, 0])

  it('may skip offsets, and its last offset is the one of its header', () => {
    const batch = RecordBatch.parse(batchAround(gaps, { baseOffset: 100, lastOffsetDelta: 9, recordCount: 2 }))
    expect([batch.count, batch.lastOffset, batch.nextOffset]).toEqual([2, 109, 110])
    expect(readAll(batch).map(({ offset }) => offset)).toEqual([102, 105])
  })

  it('with the log’s append time gives it to every record', () => {
    const records = [5, 9, 7].map((timestampMs) => ({ timestampMs, key: null, value: null }))
    const batch = RecordBatch.parse(sealBatch(encode(records), { baseOffset: 0, appendTimeMs: 42 }))
    expect([batch.timestampType, batch.maxTimestampMs]).toEqual(['LogAppendTime', 42])
    expect(readAll(batch).map(({ timestampMs }) => timestampMs)).toEqual([42, 42, 42])
  })

  it('is sealed again with other fields', () => {
    const encoded = encode([{ timestampMs: 1, key: 'k', value: 'v' }])
    const producer = { producerId: 12n, producerEpoch: 3, baseSequence: 8, transactional: true, leaderEpoch: 4 }
    const first = Buffer.from(sealBatch(encoded, { baseOffset: 5, ...producer }))
    expect(RecordBatch.parse(first)).toMatchObject({ producerId: 12, producerEpoch: 3, isTransactional: true })
    expect(RecordBatch.parse(sealBatch(encoded, { baseOffset: 6 }))).toMatchObject({
      baseOffset: 6,
      leaderEpoch: -1,
      producerId: -1,
      producerEpoch: -1,
      baseSequence: -1,
      isTransactional: false,
    })
    expect(sealBatch(encoded, { baseOffset: 5, ...producer }).equals(first)).toBe(true)
  })

  it('stays as it was when it is sealed compressed', () => {
    const encoded = encode([{ timestampMs: 1, key: 'k', value: 'v' }])
    const before = Buffer.from(encoded.bytes)
    sealBatch(encoded, { baseOffset: 5, compression: 'zstd' })
    expect(encoded.bytes.equals(before)).toBe(true)
  })

  it('is found at a place in other bytes, in any view', () => {
    const sealed = sealBatch(encode([{ timestampMs: 1, key: 'k', value: 'v' }]), { baseOffset: 5 })
    const around = new Uint8Array(sealed.length + 20).fill(255)
    around.set(sealed, 13)
    const batch = RecordBatch.parse(around, { at: 13 })
    expect(batch.sizeInBytes).toBe(sealed.length)
    expect(batch.bytes.equals(sealed)).toBe(true)
    expect(RecordBatch.parse(around.subarray(13)).baseOffset).toBe(5)
  })
})

describe('readBatches', () => {
  it('gives the whole batches of any prefix', () => {
    const sealed = [1, 2, 3].map((count) =>
      Buffer.from(
        sealBatch(encode(new Array(count).fill({ timestampMs: 0, key: null, value: 'v' })), { baseOffset: count }),
      ),
    )
    const all = Buffer.concat(sealed)
    for (let length = 0; length <= all.length; length++) {
      const batches = readBatches(all.subarray(0, length))
      const whole = batches.reduce((sum, { sizeInBytes }) => sum + sizeInBytes, 0)
      expect(whole).toBeLessThanOrEqual(length)
      expect(length - whole).toBeLessThan(sealed[batches.length]?.length ?? 1)
    }
  })
})
