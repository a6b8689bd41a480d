import { expect, it } from 'vitest'
import { count, counted, cut, kept, size, until } from './format.ts'

it('numbers have their thousands apart, and a plural', () => {
  expect([count(6_919), counted(1, 'record'), counted(0, 'record')]).toEqual(['6,919', '1 record', '0 records'])
})

it.each([
  [0, '0 bytes'],
  [999, '999 bytes'],
  [1_000, '1.0 kB'],
  [9_960, '10 kB'],
  [999_499, '999 kB'],
  [999_500, '1.0 MB'],
  [1.5e9, '1.5 GB'],
  [3e16, '30000 TB'],
])('%d bytes are %s', (bytes, text) => {
  expect(size(bytes)).toBe(text)
})

it.each([
  [-1, 'now'],
  [0, 'now'],
  [10_000, 'in 10 s'],
  [119_000, 'in 119 s'],
  [120_000, 'in 2 min'],
  [7_199_000, 'in 120 min'],
  [7_200_000, 'in 2 h'],
  [172_800_000, 'in 2 d'],
])('%d ms later is %s', (ms, text) => {
  expect(until(new Date(ms).toISOString(), 0)).toBe(text)
})

it('a topic keeps all, or as much as it was told', () => {
  expect(kept({ compacted: false, retention: {} })).toBe('all')
  expect(kept({ compacted: true, retention: { timeMs: 7 * 86_400_000, bytes: 1e9 } })).toBe(
    'the last of each key, 7 d, 1.0 GB a partition',
  )
})

it('a long text is cut', () => {
  expect([cut('abcd', 4), cut('abcde', 4)]).toEqual(['abcd', 'abc…'])
})
