import { describe, expect, it } from 'vitest'
import { InvariantError } from '../../core/errors.ts'
import { mergeBatches } from './batch-merger.ts'
import { sealBatch } from './batch-sealer.ts'
import { BatchWriter, type RecordFields } from './batch-writer.ts'
import { BatchTooLargeError, InvalidRecordError } from './errors.ts'
import { asRead, encode, readAll } from './record-batch.test-support.ts'
import { RecordBatch } from './record-batch.ts'

const record: RecordFields = { timestampMs: 5, key: 'key', value: 'value' }
const read = (batch: ReturnType<typeof encode>) => readAll(RecordBatch.parse(sealBatch(batch, { baseOffset: 0 })))

describe('BatchWriter', () => {
  it('is empty after finish and used again', () => {
    const writer = new BatchWriter()
    expect([writer.count, writer.byteLength]).toEqual([0, 0])
    writer.append(record)
    writer.append({ ...record, key: null, timestampMs: 9 })
    const size = writer.byteLength
    const first = writer.finish()
    expect(first).toMatchObject({ count: 2, maxTimestampMs: 9, keyless: true })
    expect(first.bytes.length).toBe(size)
    expect([writer.count, writer.byteLength]).toEqual([0, 0])
    writer.append({ ...record, timestampMs: 3 })
    const second = writer.finish()
    expect(second).toMatchObject({ count: 1, maxTimestampMs: 3, keyless: false })
    expect(read(first)).toEqual(asRead([record, { ...record, key: null, timestampMs: 9 }]))
    expect(read(second)).toEqual(asRead([{ ...record, timestampMs: 3 }]))
  })

  it('hands out bytes that later batches do not touch, of several writers at once', () => {
    const [one, other] = [new BatchWriter(), new BatchWriter()]
    const finished: ReturnType<typeof encode>[] = []
    for (let index = 0; index < 50; index++) {
      one.append({ ...record, value: `one ${index}`.repeat(index * 20 + 1) })
      other.append({ ...record, value: `other ${index}` })
      finished.push(one.finish(), other.finish())
    }
    finished.forEach((batch, index) => {
      const [{ value } = { value: null }] = read(batch)
      const which = index >> 1
      const text = index % 2 === 0 ? `one ${which}`.repeat(which * 20 + 1) : `other ${which}`
      expect(String(value)).toBe(text)
    })
  })

  it('copies the bytes that it is given', () => {
    const value = Buffer.from('before')
    const writer = new BatchWriter()
    writer.append({ ...record, value })
    value.fill(0)
    expect(String(read(writer.finish())[0]!.value)).toBe('before')
  })

  it('writes texts of any length, ASCII or not, at the borders of their varints', () => {
    const lengths = [
      0, 1, 20, 21, 22, 31, 32, 33, 53, 54, 55, 56, 57, 58, 62, 63, 64, 65, 1023, 1024, 1025, 2730, 2731, 4095, 4096,
    ]
    lengths.push(8170, 8180, 8183, 8184, 8185, 8191, 8192, 8193, 1_048_560, 1_048_575, 1_048_576)
    for (const unit of ['a', 'é', '✓', '🎻']) {
      const records = lengths.map((length) => ({ timestampMs: 0, key: null, value: unit.repeat(length) }))
      const cursor = RecordBatch.parse(sealBatch(encode(records), { baseOffset: 0 })).records()
      for (const { value } of records) {
        expect(cursor.next()).toBe(true)
        expect(cursor.valueText() === value).toBe(true)
      }
      expect(cursor.next()).toBe(false)
    }
  })

  it('writes half a surrogate pair as U+FFFD, as UTF-8 asks', () => {
    expect(String(read(encode([{ ...record, value: 'a\ud800b' }]))[0]!.value)).toBe('a\ufffdb')
  })

  it.each([
    ['a fraction of a millisecond', { timestampMs: 1.5 }, 'timestamp is 1.5'],
    ['no number as a timestamp', { timestampMs: Number.NaN }, 'timestamp is NaN'],
    ['a timestamp before 1970', { timestampMs: -2 }, 'timestamp is -2'],
    ['a timestamp beyond 2^53', { timestampMs: 2 ** 53 }, 'timestamp is 9007199254740992'],
    ['a number as a key', { key: 7 }, "record's key is number"],
    ['an object as a value', { value: {} }, "record's value is object"],
    ['undefined as a value', { value: undefined }, "record's value is undefined"],
    ['a number as a header value', { headers: [['a', 1]] }, "record's header value is number"],
    ['null as a header name', { headers: [[null, '1']] }, "header's name is object"],
  ])('refuses %s and is as it was', (_name, wrong, message) => {
    const writer = new BatchWriter()
    writer.append(record)
    const size = writer.byteLength
    const append = () => writer.append({ ...record, ...(wrong as Partial<RecordFields>) })
    expect(append).toThrow(InvalidRecordError)
    expect(append).toThrow(message)
    expect([writer.count, writer.byteLength]).toEqual([1, size])
    writer.append(record)
    expect(read(writer.finish())).toEqual(asRead([record, record]))
  })

  it('refuses what makes a batch of more than 2 GiB before it copies anything', () => {
    const half = new Uint8Array(1 << 30)
    const writer = new BatchWriter()
    writer.append(record)
    const append = () =>
      writer.append({
        ...record,
        headers: [
          ['a', half],
          ['b', half],
        ],
      })
    expect(append).toThrow(BatchTooLargeError)
    expect(read(writer.finish())).toEqual(asRead([record]))
  })

  it('does not finish a batch without records', () => {
    expect(() => new BatchWriter().finish()).toThrow(InvariantError)
  })
})

describe('mergeBatches', () => {
  it('gives one batch back as it is', () => {
    const batch = encode([record])
    expect(mergeBatches([batch])).toBe(batch)
  })

  it('says of what it merged whether a key is missing, and the largest time', () => {
    const parts = [encode([{ ...record, timestampMs: 8 }]), encode([{ ...record, key: null }]), encode([record])]
    expect(mergeBatches(parts)).toMatchObject({ count: 3, keyless: true, maxTimestampMs: 8 })
    expect(mergeBatches([parts[0]!, parts[2]!])).toMatchObject({ count: 2, keyless: false, maxTimestampMs: 8 })
  })

  it('does not merge nothing', () => {
    expect(() => mergeBatches([])).toThrow(InvariantError)
  })
})

describe('sealBatch', () => {
  it('takes offsets from 0 to 2^53', () => {
    for (const baseOffset of [-1, 0.5, 2 ** 53, Number.NaN]) {
      expect(() => sealBatch(encode([record]), { baseOffset })).toThrow(InvariantError)
    }
  })
})
