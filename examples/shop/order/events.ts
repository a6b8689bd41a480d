import { topic } from 'millrace'
import * as z from 'zod'

/** The order service's word on its orders; it alone writes here. */
export const orderEvents = topic('order-events', {
  schema: z.object({
    type: z.literal('ORDER_CREATED'),
    orderId: z.string(),
    userId: z.string(),
    items: z.array(z.object({ productId: z.string(), quantity: z.int().positive(), price: z.number().nonnegative() })),
    totalAmount: z.number().nonnegative(),
    /** As the customer gave it. */
    orderedAt: z.string().optional(),
  }),
  key: (event) => event.orderId,
})
