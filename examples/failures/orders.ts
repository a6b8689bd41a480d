import { RejectError, RetryAfterError, topic } from 'millrace'
import { subscriber } from 'millrace/pubsub'
import * as z from 'zod'

export const orders = topic('orders', {
  schema: z.object({ type: z.literal('ORDER_CREATED'), orderId: z.string(), total: z.number() }),
  key: (event) => event.orderId,
})

/** How a payment provider may answer. */
export type Answer = 'taken' | 'refused' | 'busy' | 'down'

// #region policy
export const paymentService = (take: (total: number) => Answer) =>
  subscriber('payment', {
    from: orders,
    retry: { attempts: 3, delay: '10s', maxDelay: '1h' },
    whenSpent: 'dead-letter',
    on: {
      ORDER_CREATED: ({ total }) => {
        const answer = take(total)
        if (answer === 'refused') throw new RejectError('the card was refused') // a dead letter at once
        if (answer === 'busy') throw new RetryAfterError('1m') // again in a minute, no attempt spent
        if (answer === 'down') throw new Error('the provider is down') // in 10 seconds, then 20, then a dead letter
      },
    },
  })
// #endregion
