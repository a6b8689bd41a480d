import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { sealBatch } from '../records/batch-sealer.ts'
import { BatchWriter } from '../records/batch-writer.ts'
import { PartitionTail, TailCache } from './tail-cache.ts'

function batch(baseOffset: number, count: number, valueBytes: number) {
  const writer = new BatchWriter()
  for (let index = 0; index < count; index++) {
    writer.append({ timestampMs: 0, key: null, value: 'x'.repeat(valueBytes) })
  }
  const bytes = sealBatch(writer.finish(), { baseOffset })
  return { baseOffset, lastOffset: baseOffset + count - 1, bytes }
}

/** Appends: to which of three partitions, records, bytes a record, offsets left out after it, what is deleted then. */
const appends = fc.array(
  fc.record({
    partition: fc.integer({ min: 0, max: 2 }),
    count: fc.integer({ min: 1, max: 3 }),
    valueBytes: fc.integer({ min: 0, max: 200 }),
    gap: fc.integer({ min: 0, max: 2 }),
    deleted: fc.option(fc.integer({ min: 0, max: 20 }), { freq: 3 }),
  }),
  { maxLength: 40 },
)

describe('TailCache', () => {
  it('answers from a position in its reach as a list of all batches would, within its bound', () => {
    fc.assert(
      fc.property(appends, fc.integer({ min: 0, max: 3000 }), (all, maxBytes) => {
        const cache = new TailCache(maxBytes)
        const tails = [0, 1, 2].map(() => new PartitionTail(0))
        const kept: ReturnType<typeof batch>[][] = [[], [], []]
        const ends = [0, 0, 0]
        for (const { partition, count, valueBytes, gap, deleted } of all) {
          const next = batch(ends[partition]!, count, valueBytes)
          ends[partition] = next.lastOffset + 1 + gap
          kept[partition]!.push(next)
          cache.append(tails[partition]!, next)
          if (deleted !== null) cache.dropBefore(tails[partition]!, Math.min(deleted, ends[partition]!))
        }
        let held = 0
        for (const [index, tail] of tails.entries()) {
          for (let position = tail.start; position <= ends[index]!; position++) {
            const expected = kept[index]!.filter(({ lastOffset }) => lastOffset >= position)
            expect(tail.read(position, Infinity).map(({ baseOffset }) => baseOffset)).toEqual(
              expected.map(({ baseOffset }) => baseOffset),
            )
            expect(tail.read(position, 1)).toHaveLength(Math.min(1, expected.length))
          }
          for (const each of tail.read(tail.start, Infinity)) held += each.sizeInBytes
        }
        expect(held).toBeLessThanOrEqual(maxBytes)
      }),
    )
  })

  it('drops the batches that were committed first, of whichever partition', () => {
    const one = new PartitionTail(0)
    const other = new PartitionTail(0)
    const size = batch(0, 1, 50).bytes.length
    const cache = new TailCache(2 * size)
    cache.append(one, batch(0, 1, 50))
    cache.append(other, batch(0, 1, 50))
    cache.append(other, batch(1, 1, 50))
    expect([one.start, other.start]).toEqual([1, 0])
    cache.append(one, batch(1, 1, 50))
    expect([one.start, other.start]).toEqual([1, 1])
  })
})
