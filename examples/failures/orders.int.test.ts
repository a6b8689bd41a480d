import { testApp } from 'millrace/testing'
import { expect, it } from 'vitest'
import { type Answer, orders, paymentService } from './orders.ts'

// #region redrive
it('keeps an order that failed, and handles it again when it is told to', async () => {
  let answer: Answer = 'down'
  const taken: number[] = []
  await using app = testApp()
  app.add(
    paymentService((total) => {
      if (answer === 'taken') taken.push(total)
      return answer
    }),
  )
  await app.start()
  await app.publish(orders, { type: 'ORDER_CREATED', orderId: 'order-1', total: 10 })
  await app.advance('1h')

  const [letter] = await app.deadLetters.list()
  expect(letter).toMatchObject({ group: 'payment', key: 'order-1', message: 'the provider is down', attempts: 3 })
  answer = 'taken'
  await app.deadLetters.redrive({ fingerprint: letter!.fingerprint })
  await app.settled()
  expect(taken).toEqual([10])
})
// #endregion

it('refuses at once what is rejected, and spends no attempt where the provider is busy', async () => {
  const answers: Answer[] = ['busy', 'busy', 'busy', 'busy', 'taken', 'refused']
  await using app = testApp()
  app.add(paymentService(() => answers.shift()!))
  await app.start()
  await app.publish(orders, { type: 'ORDER_CREATED', orderId: 'order-1', total: 10 })
  await app.advance('5m')
  expect(answers).toEqual(['refused'])
  await app.publish(orders, { type: 'ORDER_CREATED', orderId: 'order-2', total: 10 })
  await app.settled()
  expect(await app.deadLetters.list()).toMatchObject([{ key: 'order-2', attempts: 1 }])
})
