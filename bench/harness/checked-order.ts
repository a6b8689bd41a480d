import * as z from 'zod'

/** Checks an order as an application would; apart from the orders, because zod takes memory too. */
export const checkedOrder = z.object({
  type: z.literal('ORDER_CREATED'),
  orderId: z.string().min(1),
  userId: z.string().min(1),
  items: z.array(
    z.object({ productId: z.string().min(1), quantity: z.int().positive(), price: z.number().nonnegative() }),
  ),
  totalAmount: z.number().nonnegative(),
  orderedAt: z.iso.datetime(),
})
