import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodeFinished, encodeFinished, type Progress, type Run, UnreadableProgressError } from './progress.ts'

const progressOf = (position: number, pairs: readonly (readonly [number, number])[]): Progress => {
  let from = position
  const finished = pairs.map(([gap, length]): Run => {
    const first = from + gap
    from = first + length + 1
    return [first, first + length]
  })
  return { position, finished }
}
const progresses = fc
  .tuple(
    fc.nat(2 ** 40),
    fc.array(fc.tuple(fc.integer({ min: 1, max: 2 ** 34 }), fc.oneof(fc.nat(200), fc.nat(2 ** 34))), { maxLength: 50 }),
  )
  .map(([position, pairs]) => progressOf(position, pairs))

describe('progress beside a committed offset', () => {
  it('comes back as it was written', () => {
    fc.assert(
      fc.property(progresses, (progress) => {
        expect(decodeFinished(progress.position, encodeFinished(progress))).toEqual(progress)
      }),
    )
  })

  it('is empty text when nothing is finished ahead', () => {
    expect(encodeFinished({ position: 7, finished: [] })).toBe('')
    expect(decodeFinished(7, '')).toEqual({ position: 7, finished: [] })
  })

  it('fits into an offset of Kafka with a thousand runs', () => {
    const everySecond = progressOf(
      1e12,
      Array.from({ length: 1_000 }, () => [1, 0] as const),
    )
    expect(encodeFinished(everySecond).length).toBeLessThanOrEqual(3_000)
    const mixed = progressOf(
      1e12,
      Array.from({ length: 1_000 }, (_, index) => [1, index] as const),
    )
    expect(encodeFinished(mixed).length).toBeLessThanOrEqual(4_096)
  })

  it.each(['x', 'm2:AQE=', 'm1:', 'm1:!!!!', 'm1:AQ==', 'm1:AQE', 'm1:AQE= ', 'm1:gA==', 'm1://///////////w==', '{}'])(
    'refuses %j, which it did not write',
    (metadata) => {
      expect(() => decodeFinished(0, metadata)).toThrow(UnreadableProgressError)
    },
  )

  it('takes no text that it would not write', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.base64String().map((text) => `m1:${text}`),
        ),
        (metadata) => {
          try {
            expect(encodeFinished(decodeFinished(3, metadata))).toBe(metadata)
          } catch (error) {
            expect(error).toBeInstanceOf(UnreadableProgressError)
          }
        },
      ),
      { examples: [['m1:AQE='], ['']] },
    )
  })
})
