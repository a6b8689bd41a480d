import { expect, it } from 'vitest'
import { command } from '../cqrs/command.ts'
import { subscriber } from '../pubsub/subscriber.ts'
import { worker } from '../queue/worker.ts'
import { database } from '../sql/index.ts'
import { testApp } from '../testing/test-app.ts'
import { OrderEvent, orderEvents, tasks } from '../topics/order-events.test-support.ts'
import { describeGuarantees } from './guarantees.ts'

it('the start-up table says of each component what it reads, where it commits and what holds', () => {
  const app = testApp()
  const shop = database('shop')
  app.add(
    subscriber('audit', { from: orderEvents, on: () => {} }),
    subscriber('payments', { from: orderEvents, database: shop, on: () => {} }),
    worker('mailers', { from: tasks, on: { a: () => {}, b: () => {} } }),
    command('create-order', { database: shop, input: OrderEvent, handle: () => 1 }),
  )
  expect(app.describe()).toMatchInlineSnapshot(`
    "test on memory:
      component             reads         commits in     guarantee
      subscriber audit      order-events  log            outputs and acknowledgement atomic; own effects at least once
      subscriber payments   order-events  database shop  rows, checkpoint and outputs exactly once
      worker mailers        tasks         log            outputs and acknowledgement atomic; own effects at least once
      command create-order  -             database shop  rows and outputs atomic; outputs published once"
  `)
})

it('the table of an app without components says so', () => {
  expect(describeGuarantees('shop', 'memory:', [])).toBe('shop on memory:: no components')
})
