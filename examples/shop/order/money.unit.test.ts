import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { centsOf, totalCents } from './money.ts'

describe('a total', () => {
  it.each([
    [
      [
        [2, 99.99],
        [1, 49.99],
      ],
      24_997,
    ],
    [[[3, 0.1]], 30],
    [
      [
        [1, 0.1],
        [1, 0.2],
      ],
      30,
    ],
    [[[2, 29.33 / 2]], 2_933],
    [[[3, 10 / 3]], 1_000],
    [[[1, 14.665]], 1_467],
    [[[1, 1.005]], 101],
    [
      [
        [1, 0.004],
        [1, 0.004],
      ],
      1,
    ],
    [[[1, 0.0049999]], 0],
    [[[1, 0]], 0],
    [[[1, 5e-324]], 0],
    [[[1_000_000, 1e-8]], 1],
    [[[1, 1e12]], 100_000_000_000_000],
    [
      [
        [1, 123456.78],
        [7, 0.01],
      ],
      12_345_685,
    ],
  ])('of %j is %i cents, rounded once', (lines, cents) => {
    expect(totalCents(lines.map(([quantity = 0, price = 0]) => ({ quantity, price })))).toBe(cents)
  })

  it('stays a number for prices beyond all measure', () => {
    expect(totalCents([{ quantity: 2, price: 1e21 }])).toBe(2e23)
    expect(totalCents([{ quantity: 1, price: Number.MAX_VALUE }])).toBe(Number.POSITIVE_INFINITY)
  })

  it('of prices in cents is their sum, in whatever order', () => {
    const line = fc.record({
      quantity: fc.integer({ min: 1, max: 1_000 }),
      cents: fc.integer({ min: 0, max: 10 ** 9 }),
    })
    fc.assert(
      fc.property(fc.array(line, { minLength: 1, maxLength: 20 }), (lines) => {
        const items = lines.map(({ quantity, cents }) => ({ quantity, price: cents / 100 }))
        const sum = lines.reduce((total, { quantity, cents }) => total + quantity * cents, 0)
        expect(totalCents(items)).toBe(sum)
        expect(totalCents(items.toReversed())).toBe(sum)
      }),
    )
  })

  it('of an amount divided by its quantity is that amount again', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 10 ** 9 }), fc.integer({ min: 1, max: 10_000 }), (cents, quantity) => {
        expect(totalCents([{ quantity, price: cents / 100 / quantity }])).toBe(cents)
      }),
    )
  })
})

describe('an amount', () => {
  it.each([
    [249.97, 24_997],
    [0.07, 7],
    [12, 1_200],
    [1e9, 100_000_000_000],
    [0, 0],
  ])('of %d is %d cents', (amount, cents) => {
    expect(centsOf(amount)).toBe(cents)
  })

  it.each([0.001, 249.975, 0.1 * 3, 1e-7, 1e-8])('of %d is no number of whole cents', (amount) => {
    expect(centsOf(amount)).toBeUndefined()
  })
})
