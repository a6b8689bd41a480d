import { RejectError, topic } from 'millrace'
import { subscriber } from 'millrace/pubsub'
import { testApp } from 'millrace/testing'
import { expect, it } from 'vitest'
import * as z from 'zod'
import { collectMetrics } from './metrics.ts'

const numbers = topic('numbers', { schema: z.object({ n: z.number() }) })

it('metrics of an app are its events, and its status when it is asked', async () => {
  await using app = testApp()
  app.add(
    subscriber('sums', {
      from: numbers,
      on: ({ n }) => {
        if (n === 3) throw new RejectError('not three')
      },
    }),
  )
  const { handledMs, failures, readGauges, stop } = collectMetrics(app)
  await app.start()
  for (const n of [1, 2, 3]) await app.publish(numbers, { n })
  await app.settled()
  stop()
  await app.publish(numbers, { n: 4 })
  await app.settled()
  expect(handledMs).toHaveLength(2)
  expect(failures).toEqual(new Map([['sums RejectError', 1]]))
  expect(await readGauges()).toEqual([{ name: 'sums', state: 'running', lag: 0 }])
})
