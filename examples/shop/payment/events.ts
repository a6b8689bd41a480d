import { topic } from 'millrace'
import * as z from 'zod'

/** The payment service's word on its payments; it alone writes here. */
export const paymentEvents = topic('payment-events', {
  schema: z.object({
    type: z.literal('PAYMENT_TAKEN'),
    orderId: z.string(),
    paymentId: z.string(),
    amountCents: z.int(),
  }),
  key: (event) => event.orderId,
})
