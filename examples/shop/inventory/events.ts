import { topic } from 'millrace'
import * as z from 'zod'

/** What the inventory service could do for an order; it alone writes here. */
export const inventoryEvents = topic('inventory-events', {
  schema: z.discriminatedUnion('type', [
    z.object({ type: z.literal('ORDER_RESERVED'), orderId: z.string() }),
    z.object({ type: z.literal('ORDER_BACKORDERED'), orderId: z.string(), missing: z.array(z.string()) }),
  ]),
  key: (event) => event.orderId,
})
