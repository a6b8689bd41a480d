import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ByteReader, varintSize, varlongSize, writeVarint, writeVarlong } from './varint.ts'

/** The encoding as its definition says it, in 64 bits. */
function defined(value: number): number[] {
  let rest = BigInt.asUintN(64, (BigInt(value) << 1n) ^ (BigInt(value) >> 63n))
  const bytes: number[] = []
  for (; rest > 0x7fn; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80)
  return [...bytes, Number(rest)]
}

const readerOf = (bytes: ArrayLike<number>) =>
  new ByteReader(Buffer.from(Uint8Array.from(bytes)), 0, (what, at) => new Error(`${what} at ${at}`))

/** Values around each power of two up to the limit, both signs. */
function borders(bits: number): number[] {
  const around = Array.from({ length: bits }, (_, bit) => [2 ** bit - 1, 2 ** bit, 2 ** bit + 1]).flat()
  return around.flatMap((value) => [value, -value])
}

const int32 = [...borders(31), 2 ** 31 - 1, -(2 ** 31)]
const int54 = [...borders(53), 2 ** 53 - 1, 2 ** 53, -(2 ** 53)]

describe('varints', () => {
  it('are written, measured and read as defined, at the borders', () => {
    for (const value of int32) checkVarint(value)
    for (const value of int54) checkVarlong(value)
  })

  it('are written, measured and read as defined, anywhere', () => {
    fc.assert(fc.property(fc.integer(), checkVarint))
    fc.assert(fc.property(fc.maxSafeInteger(), checkVarlong))
  })

  it.each([
    ['no bytes', [], 'it ends in the middle'],
    ['a first byte only', [0x80], 'it ends in the middle'],
    ['a sixth byte', [0x80, 0x80, 0x80, 0x80, 0x80, 0], 'longer than 32 bits at 0'],
    ['a 33rd bit', [0xff, 0xff, 0xff, 0xff, 0x1f], 'longer than 32 bits at 0'],
  ])('of 32 bits are not read from %s', (_name, bytes, message) => {
    expect(() => readerOf(bytes).readVarint()).toThrow(message)
  })

  it.each([
    ['no bytes', [], 'it ends in the middle'],
    ['an eleventh byte', [...new Array(10).fill(0x80), 0], 'longer than 64 bits at 0'],
    ['2^53 + 2', defined(2 ** 53 + 2), 'beyond 2^53 at 0'],
    ['-2^53 - 1', [0x81, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x20], 'beyond 2^53 at 0'],
    ['the largest number of 64 bits', [...new Array(9).fill(0xff), 1], 'beyond 2^53 at 0'],
  ])('of 64 bits are not read from %s', (_name, bytes, message) => {
    expect(() => readerOf(bytes).readVarlong()).toThrow(message)
  })
})

function checkVarint(value: number): void {
  const bytes = new Uint8Array(12)
  const end = writeVarint(bytes, value, 1)
  expect([...bytes.subarray(1, end)]).toEqual(defined(value))
  expect(varintSize(value)).toBe(end - 1)
  const reader = readerOf(bytes.subarray(1, end))
  expect([reader.readVarint() === value, reader.position]).toEqual([true, end - 1])
}

function checkVarlong(value: number): void {
  const bytes = new Uint8Array(12)
  const end = writeVarlong(bytes, value, 1)
  expect([...bytes.subarray(1, end)]).toEqual(defined(value))
  expect(varlongSize(value)).toBe(end - 1)
  const reader = readerOf(bytes.subarray(1, end))
  expect([reader.readVarlong() === value, reader.position]).toEqual([true, end - 1])
}
