import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Duration, describeDuration, InvalidDurationError, toMilliseconds } from './duration.ts'

describe('a duration', () => {
  it.each<[Duration, number]>([
    [0, 0],
    [1.5, 1.5],
    ['250ms', 250],
    ['10s', 10_000],
    ['5m', 300_000],
    ['2h', 7_200_000],
    ['7d', 604_800_000],
    ['0.5s', 500],
  ])('%j is %d ms', (duration, ms) => {
    expect(toMilliseconds(duration)).toBe(ms)
  })

  it.each([
    -1,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    '',
    '5',
    '5 s',
    '-5s',
    '5S',
    '.5s',
    '1e3ms',
    '1000001d',
    1e20,
    'ms',
    '10 minutes',
    `${'9'.repeat(400)}d`,
    null,
    undefined,
    {},
    true,
  ])('refuses %j and shows it', (value) => {
    expect(() => toMilliseconds(value as Duration)).toThrow(InvalidDurationError)
  })

  it('takes every number of each unit', () => {
    const units = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const
    fc.assert(
      fc.property(
        fc.nat(1_000_000),
        fc.constantFrom(...(Object.keys(units) as (keyof typeof units)[])),
        (count, unit) => {
          expect(toMilliseconds(`${count}${unit}`)).toBe(count * units[unit])
        },
      ),
    )
  })
})

it.each([
  [0, '0 ms'],
  [999, '999 ms'],
  [1_000, '1 s'],
  [119_000, '119 s'],
  [120_000, '2 min'],
  [3_534_582, '59 min'],
  [7_200_000, '2 h'],
  [604_800_000, '7 d'],
])('%d milliseconds are %s for people', (ms, text) => {
  expect(describeDuration(ms)).toBe(text)
})
