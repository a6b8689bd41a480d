/**
 * Money without rounding errors. A price is a decimal number and stays as it was given, a total is whole cents. Sums are
 * made with whole numbers of any size and rounded once, at the end: 0.1 three times is 30 cents, 14.665 once is 1467.
 */

/** `units / 10 ** scale` */
interface Decimal {
  readonly units: bigint
  readonly scale: number
}

/** The largest total whose cents a JSON number still tells apart: 15 digits. */
export const largestTotalCents = 999_999_999_999_999

/** Price times quantity of all items, rounded half up to whole cents. Prices may not be negative. */
export function totalCents(items: readonly { readonly quantity: number; readonly price: number }[]): number {
  const lines = items.map(({ quantity, price }) => {
    const { units, scale } = toDecimal(price)
    return { units: units * BigInt(quantity), scale }
  })
  const scale = lines.reduce((largest, line) => Math.max(largest, line.scale), 2)
  const sum = lines.reduce((units, line) => units + line.units * 10n ** BigInt(scale - line.scale), 0n)
  const unitsPerCent = 10n ** BigInt(scale - 2)
  return Number((sum + unitsPerCent / 2n) / unitsPerCent)
}

/** 249.97 is 24997 cents; undefined for an amount with a fraction of a cent. */
export function centsOf(amount: number): number | undefined {
  const { units, scale } = toDecimal(amount)
  if (scale <= 2) return Number(units * 10n ** BigInt(2 - scale))
  const unitsPerCent = 10n ** BigInt(scale - 2)
  return units % unitsPerCent === 0n ? Number(units / unitsPerCent) : undefined
}

/** For people and for JSON: 24997 cents are 249.97. */
export function amountOf(cents: number): number {
  return cents / 100
}

/** The decimal that was written, not the binary fraction beside it: JavaScript's text of a number is the shortest that reads back as it. */
function toDecimal(value: number): Decimal {
  const [digits = '', exponent = '0'] = String(value).split('e')
  const [whole = '', fraction = ''] = digits.split('.')
  const scale = fraction.length - Number(exponent)
  const units = BigInt(whole + fraction)
  return scale >= 0 ? { units, scale } : { units: units * 10n ** BigInt(-scale), scale: 0 }
}
