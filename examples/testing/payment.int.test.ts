import { subscriber } from 'millrace/pubsub'
import { testApp } from 'millrace/testing'
import { expect, it } from 'vitest'
import { orders, paymentService, payments } from './payment.ts'

// #region settled
it('takes the payment of an order', async () => {
  const taken: number[] = []
  const seen: string[] = []
  await using app = testApp()
  app.add(
    paymentService(async (total) => void taken.push(total)),
    subscriber('audit', { from: payments, on: (event) => void seen.push(event.orderId) }),
  )
  await app.start()
  await app.publish(orders, { type: 'ORDER_CREATED', orderId: 'order-1', total: 10 })
  await app.settled() // every group has handled all there is: no sleep

  expect(taken).toEqual([10])
  expect(seen).toEqual(['order-1'])
})
// #endregion

// #region advance
it('tries again after a while when the provider is down', async () => {
  let calls = 0
  await using app = testApp()
  app.add(
    paymentService(async () => {
      calls++
      if (calls === 1) throw new Error('the provider is down')
    }),
  )
  await app.start()
  await app.publish(orders, { type: 'ORDER_CREATED', orderId: 'order-1', total: 10 })
  await app.advance('1s') // the second attempt comes within a second of the app's own clock
  await app.settled()

  expect(calls).toBe(2)
})
// #endregion
