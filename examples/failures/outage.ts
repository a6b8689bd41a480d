import { subscriber } from 'millrace/pubsub'
import { orders } from './orders.ts'

/** The mail server does not answer. */
export class MailServerDownError extends Error {}

// #region outage
export const confirmationService = (mail: (orderId: string) => Promise<void>) =>
  subscriber('confirmation', {
    from: orders,
    pauseOn: (error) => error instanceof MailServerDownError,
    on: { ORDER_CREATED: ({ orderId }) => mail(orderId) },
  })
// #endregion
