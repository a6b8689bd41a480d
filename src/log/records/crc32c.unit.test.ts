import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { crc32c } from './crc32c.ts'

/** Bit by bit, as the polynomial says it. */
function defined(bytes: Uint8Array): number {
  let checksum = 0xffff_ffff
  for (const byte of bytes) {
    checksum ^= byte
    for (let bit = 0; bit < 8; bit++) checksum = (checksum >>> 1) ^ (checksum & 1 ? 0x82f6_3b78 : 0)
  }
  return ~checksum >>> 0
}

describe('crc32c', () => {
  it.each([
    ['the check value of the algorithm', Buffer.from('123456789'), 0xe306_9283],
    ['32 zeros (RFC 3720)', Buffer.alloc(32), 0x8a91_36aa],
    ['32 ones (RFC 3720)', Buffer.alloc(32, 0xff), 0x62a8_ab43],
    ['32 rising bytes (RFC 3720)', Buffer.from(Array.from({ length: 32 }, (_, index) => index)), 0x46dd_794e],
    ['32 falling bytes (RFC 3720)', Buffer.from(Array.from({ length: 32 }, (_, index) => 31 - index)), 0x113f_db5c],
    ['nothing', Buffer.alloc(0), 0],
  ])('is right for %s', (_name, bytes, expected) => {
    expect(crc32c(bytes)).toBe(expected)
  })

  it('is right for any bytes, from any place to any place', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(40), fc.nat(40), (bytes, before, after) => {
        const around = new Uint8Array(before + bytes.length + after).fill(0xa5)
        around.set(bytes, before)
        expect(crc32c(around, before, before + bytes.length)).toBe(defined(bytes))
      }),
    )
  })
})
