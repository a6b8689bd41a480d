import { describe, expect, it } from 'vitest'
import { BatchFilter } from './batch-filter.ts'
import { type BatchFields, sealBatch } from './batch-sealer.ts'
import { BatchWriter } from './batch-writer.ts'
import { RecordBatch } from './record-batch.ts'

/** Records `0` to `count - 1`, a second apart, from the offset 100 on. */
function batchOf(count: number, fields: Partial<BatchFields> = {}): RecordBatch {
  const writer = new BatchWriter()
  for (let number = 0; number < count; number++) {
    const headers = number % 2 === 0 ? [['number', `${number}`] as const] : []
    writer.append({ timestampMs: 5_000 - number * 1000, key: `${number}`, value: `value ${number}`, headers })
  }
  return RecordBatch.parse(sealBatch(writer.finish(), { baseOffset: 100, ...fields }))
}
function filter(batch: RecordBatch, keeps: (offset: number) => boolean): Buffer | undefined {
  const filtered = new BatchFilter(batch)
  while (filtered.next()) {
    if (keeps(filtered.record.offset)) filtered.keep()
    else filtered.drop()
  }
  return filtered.finish()
}
function show(batch: RecordBatch) {
  const cursor = batch.records()
  const found: unknown[] = []
  while (cursor.next()) {
    const { offset, timestampMs } = cursor
    found.push({ offset, timestampMs, key: cursor.keyText(), value: cursor.valueText(), headers: cursor.headers() })
  }
  return found
}

describe('a filtered batch', () => {
  it.each(['none', 'gzip', 'zstd'] as const)('holds what was kept as it was, compressed as %s', (compression) => {
    const batch = batchOf(6, { compression, producerId: 7, producerEpoch: 2, baseSequence: 3 })
    const all = show(batch)
    for (let kept = 1; kept < 2 ** 6 - 1; kept++) {
      const keeps = (offset: number) => (kept & (1 << (offset - 100))) !== 0
      const filtered = RecordBatch.parse(filter(batch, keeps)!)
      expect(show(filtered)).toEqual(all.filter((_, index) => keeps(100 + index)))
      expect(filtered).toMatchObject({ baseOffset: 100, lastOffset: 105, compression, producerId: 7, baseSequence: 3 })
      const newest = [0, 1, 2, 3, 4, 5].find((index) => keeps(100 + index))!
      expect(filtered.maxTimestampMs).toBe(5_000 - newest * 1000)
    }
  })

  it('is none where nothing was dropped', () => {
    expect(filter(batchOf(3), () => true)).toBeUndefined()
  })

  it('keeps the time of the log where that stands for all records', () => {
    const batch = batchOf(3, { appendTimeMs: 9_000 })
    const filtered = RecordBatch.parse(filter(batch, (offset) => offset === 102)!)
    expect(filtered).toMatchObject({ timestampType: 'LogAppendTime', maxTimestampMs: 9_000 })
    expect(show(filtered)).toMatchObject([{ offset: 102, timestampMs: 9_000 }])
  })

  it('can be filtered again', () => {
    const once = RecordBatch.parse(filter(batchOf(5), (offset) => offset % 2 === 0)!)
    const twice = RecordBatch.parse(filter(once, (offset) => offset !== 102)!)
    expect(show(twice)).toMatchObject([{ offset: 100 }, { offset: 104 }])
    expect(twice).toMatchObject({ baseOffset: 100, lastOffset: 104, count: 2 })
  })
})
