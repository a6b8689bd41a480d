import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { mergeBatches } from './batch-merger.ts'
import { type BatchFields, sealBatch } from './batch-sealer.ts'
import type { Bytes, RecordFields } from './batch-writer.ts'
import { asRead, encode, readAll } from './record-batch.test-support.ts'
import { RecordBatch, readBatches } from './record-batch.ts'

type Content = string | null | { readonly hex: string } | { readonly repeat: string; readonly times: number }

interface DescribedRecord {
  readonly offset: number
  readonly timestampMs: number
  readonly key: Content
  readonly value: Content
  readonly headers?: readonly (readonly [string, Content])[]
}

/** A line of `batches.jsonl`: see the README beside it. */
interface Fixture {
  readonly name: string
  readonly fields: BatchFields & { readonly lastOffset: number }
  readonly removed?: true
  readonly bytes: string
  readonly records: readonly DescribedRecord[]
}

const fixtures: readonly Fixture[] = readFileSync(new URL('./fixtures/batches.jsonl', import.meta.url), 'utf8')
  .trim()
  .split('\n')
  .map((line) => JSON.parse(line))

const uncompressed = fixtures.filter(({ fields, removed }) => fields.compression === undefined && !removed)

function contentOf(content: Content): Bytes {
  if (content === null || typeof content === 'string') return content
  return 'hex' in content ? Buffer.from(content.hex, 'hex') : content.repeat.repeat(content.times)
}

function recordsOf({ records }: Fixture): RecordFields[] {
  return records.map(({ timestampMs, key, value, headers }) => ({
    timestampMs,
    key: contentOf(key),
    value: contentOf(value),
    ...(headers && { headers: headers.map(([name, content]) => [name, contentOf(content)] as const) }),
  }))
}

describe('batches that Kafka wrote', () => {
  it('are there: plain, gzip, zstd and compacted ones', () => {
    expect(uncompressed.length).toBeGreaterThanOrEqual(13)
    expect(fixtures.filter(({ fields }) => fields.compression === 'gzip').length).toBeGreaterThanOrEqual(2)
    expect(fixtures.filter(({ fields }) => fields.compression === 'zstd').length).toBeGreaterThanOrEqual(3)
    expect(fixtures.filter(({ removed }) => removed).length).toBeGreaterThanOrEqual(3)
  })

  it.each(fixtures)('are read as described: $name', (fixture) => {
    const { fields, records } = fixture
    const bytes = Buffer.from(fixture.bytes, 'base64')
    const batch = RecordBatch.parse(bytes)
    expect(batch).toMatchObject({
      baseOffset: fields.baseOffset,
      lastOffset: fields.lastOffset,
      nextOffset: fields.lastOffset + 1,
      count: records.length,
      compression: fields.compression ?? 'none',
      timestampType: fields.appendTimeMs === undefined ? 'CreateTime' : 'LogAppendTime',
      isTransactional: fields.transactional ?? false,
      isControl: fields.control ?? false,
      producerId: fields.producerId ?? -1,
      producerEpoch: fields.producerEpoch ?? -1,
      baseSequence: fields.baseSequence ?? -1,
      leaderEpoch: fields.leaderEpoch ?? -1,
      sizeInBytes: bytes.length,
    })
    if (records.length > 0) {
      const largest = Math.max(...records.map(({ timestampMs }) => timestampMs))
      expect(batch.maxTimestampMs).toBe(fields.appendTimeMs ?? largest)
    }
    const expected = asRead(recordsOf(fixture)).map((record, index) => ({
      ...record,
      offset: records[index]!.offset,
      timestampMs: fields.appendTimeMs ?? record.timestampMs,
    }))
    expect(readAll(batch)).toEqual(expected)
  })

  it.each(uncompressed)('come out of our own encoder byte for byte: $name', (fixture) => {
    const sealed = sealBatch(encode(recordsOf(fixture)), fixture.fields)
    expect(sealed.toString('base64')).toBe(fixture.bytes)
  })

  it.each(uncompressed)('come out of a merge of single records byte for byte: $name', (fixture) => {
    const merged = mergeBatches(recordsOf(fixture).map((record) => encode([record])))
    expect(sealBatch(merged, fixture.fields).toString('base64')).toBe(fixture.bytes)
  })

  it('are read one after the other, as a fetch returns them, without the one that is cut off', () => {
    const all = Buffer.concat(fixtures.map(({ bytes }) => Buffer.from(bytes, 'base64')))
    const offsets = fixtures.map(({ fields }) => fields.baseOffset)
    expect(readBatches(all).map(({ baseOffset }) => baseOffset)).toEqual(offsets)
    const cut = readBatches(all.subarray(0, all.length - 1))
    expect(cut.map(({ baseOffset }) => baseOffset)).toEqual(offsets.slice(0, -1))
    const last = Buffer.from(fixtures.at(-1)!.bytes, 'base64')
    expect(cut.reduce((sum, { sizeInBytes }) => sum + sizeInBytes, 0)).toBe(all.length - last.length)
  })
})
