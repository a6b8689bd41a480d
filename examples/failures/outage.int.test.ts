import { testApp } from 'millrace/testing'
import { expect, it } from 'vitest'
import { orders } from './orders.ts'
import { confirmationService, MailServerDownError } from './outage.ts'

it('waits for the mail server, and then sends every confirmation', async () => {
  let isDown = true
  let calls = 0
  const sent: string[] = []
  await using app = testApp()
  app.add(
    confirmationService(async (orderId) => {
      calls++
      if (isDown) throw new MailServerDownError('the mail server is down')
      sent.push(orderId)
    }),
  )
  await app.start()
  for (let n = 0; n < 100; n++) await app.publish(orders, { type: 'ORDER_CREATED', orderId: `order-${n}`, total: n })
  await app.advance('1h')
  expect(calls).toBeLessThan(300)
  expect(app.health().status).toBe('up')
  isDown = false
  await app.advance('30s')
  await app.settled()
  expect(new Set(sent).size).toBe(100)
  expect(await app.deadLetters.list()).toEqual([])
})
