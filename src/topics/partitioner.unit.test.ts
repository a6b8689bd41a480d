import { describe, expect, it } from 'vitest'
import { murmur2, partitionOfKey } from './partitioner.ts'

/** Key, murmur2, its partition of 6 and of 1,000: printed by kafka-clients 4.3.1 (Utils.murmur2, BuiltInPartitioner). */
const fromJava: readonly (readonly [string, number, number, number])[] = [
  ['', 275646681, 3, 681],
  ['a', -1563381124, 4, 524],
  ['ab', 316155434, 2, 434],
  ['abc', 479470107, 3, 107],
  ['abcd', -1323649548, 2, 100],
  ['order-1', 1221710326, 4, 326],
  ['order-2', -1055499005, 3, 643],
  ['user-42', 1459644460, 4, 460],
  ['21', -973932308, 0, 340],
  ['foobar', -790332482, 0, 166],
  ['a-little-bit-long-string', -985981536, 2, 112],
  ['a-little-bit-longer-string', -1486304829, 5, 819],
  ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58897971, 5, 677],
  ['\u00fc\u20ac\ud83d\ude00', -1727201672, 0, 976],
  ['\u0000\uffff', 1759004653, 1, 653],
]
const everyByte = Uint8Array.from({ length: 256 }, (_, byte) => byte)

describe('the partition of a key', () => {
  it.each(fromJava)('of %j is where a Java producer puts it', (key, hash, ofSix, ofThousand) => {
    expect(murmur2(Buffer.from(key))).toBe(hash)
    expect(partitionOfKey(key, 6)).toBe(ofSix)
    expect(partitionOfKey(key, 1_000)).toBe(ofThousand)
    expect(partitionOfKey(Buffer.from(key), 1_000)).toBe(ofThousand)
  })

  it('is the same as in Java for bytes of every value and keys of every length', () => {
    expect(murmur2(Uint8Array.of(0xff, 0x80, 0xfe))).toBe(957058525)
    expect(murmur2(everyByte)).toBe(-1948347274)
    let fold = 0
    for (let length = 0; length <= 256; length++)
      fold = (Math.imul(fold, 31) + murmur2(everyByte.subarray(0, length))) | 0
    expect(fold).toBe(-1303881595)
  })
})
