import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { KeyOffsets } from './key-offsets.ts'

describe('the offsets of keys', () => {
  it('are those that were set last, for as many keys as there is room', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ maxLength: 3 }), { maxLength: 200 }), (keys) => {
        const expected = new Map(keys.map((key, offset) => [key, offset]))
        const offsets = new KeyOffsets(Math.max(1, expected.size))
        for (const [offset, key] of keys.entries()) offsets.set(Buffer.from(key), offset)
        expect(offsets.size).toBe(expected.size)
        for (const [key, offset] of expected) expect(offsets.get(Buffer.from(key))).toBe(offset)
        expect(offsets.get(Buffer.from('longer than any'))).toBeUndefined()
      }),
    )
  })

  it('may be the first offset, and beyond 2^32', () => {
    const offsets = new KeyOffsets(2)
    offsets.set(Buffer.from('a'), 0)
    offsets.set(Buffer.from('b'), 2 ** 50)
    expect([offsets.get(Buffer.from('a')), offsets.get(Buffer.from('b'))]).toEqual([0, 2 ** 50])
  })
})
