import * as z from 'zod'
import { Id } from '../identifiers.ts'
import { amountOf, centsOf, largestTotalCents, totalCents } from './money.ts'

const Item = z.strictObject({
  productId: Id,
  quantity: z.int('expected a whole number from 1').positive('expected a whole number from 1'),
  price: z.number('expected a number from 0').nonnegative('expected a number from 0'),
})
const Items = z
  .array(Item, 'expected a list of items')
  .min(1, 'expected at least one item')
  .max(1_000, 'expected at most 1,000 items')
const Moment = z.union(
  [z.iso.date(), z.iso.datetime({ offset: true })],
  'expected a date (1997-01-18) or a time with a zone (1997-01-18T09:30:00Z)',
)

/** What has a total can be checked whatever else is wrong: all faults are reported together. */
const hasItems = ({ value }: { readonly value: unknown }) => z.object({ items: Items }).safeParse(value).success
const hasTotal = ({ value }: { readonly value: unknown }) =>
  z.object({ items: Items, totalAmount: z.number() }).safeParse(value).success

/** What it takes to create an order. Without an id it gets one; without a moment it is made now. */
export const NewOrder = z
  .strictObject({
    orderId: Id.optional(),
    userId: Id,
    items: Items,
    totalAmount: z.number('expected a number').optional(),
    orderedAt: Moment.optional(),
  })
  .refine(({ items }) => totalCents(items) <= largestTotalCents, {
    path: ['items'],
    error: `expected a total of at most ${amountOf(largestTotalCents)}`,
    when: hasItems,
  })
  .refine(({ items, totalAmount }) => centsOf(totalAmount!) === totalCents(items), {
    path: ['totalAmount'],
    error: ({ input }) =>
      `expected ${amountOf(totalCents((input as { items: z.infer<typeof Items> }).items))}, the sum of the items rounded to cents`,
    when: hasTotal,
  })
export type NewOrder = z.infer<typeof NewOrder>
