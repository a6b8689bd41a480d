import { RetryAfterError, topic } from 'millrace'
import { subscriber } from 'millrace/pubsub'
import { queue, worker } from 'millrace/queue'
import { testApp } from 'millrace/testing'
import { afterEach, describe, expect, it } from 'vitest'
import * as z from 'zod'
import type { AnyComponent, Component } from '../../core/component.ts'
import type { AttachableComponent, Attachment } from '../attachment.ts'
import { parkingLimits } from '../parking/parking.ts'

const numbers = topic('numbers', {
  schema: z.object({ key: z.string(), n: z.number() }),
  key: ({ key }) => key,
  partitions: 1,
})
const tasks = queue('tasks', {
  schema: z.object({ task: z.literal('t'), n: z.number() }),
  discriminator: 'task',
  partitions: 1,
})
const startMs = Date.UTC(2026, 0, 1)

/** The component, and its attachment once an app has it. */
function watched<Handle>(component: Component<Handle>): { component: Component<Handle>; attachment: () => Attachment } {
  const { '~attach': attach } = component as AttachableComponent<Handle>
  let attachment: Attachment | undefined
  const wrapped: AttachableComponent<Handle> = {
    ...(component as AnyComponent & AttachableComponent<Handle>),
    '~attach': (host) => {
      const attached = attach(host)
      attachment = attached
      return attached
    },
  }
  return { component: wrapped, attachment: () => attachment! }
}

describe("a consumer's status", () => {
  const { recordsOfKey, bytes } = parkingLimits
  afterEach(() => {
    Object.assign(parkingLimits, { recordsOfKey, bytes })
  })

  it('names held keys with their reason, their due time and what waits behind them', async () => {
    await using app = testApp()
    const { component, attachment } = watched(
      subscriber('sums', {
        from: numbers,
        on: ({ key }) => {
          if (key !== 'c') throw new RetryAfterError(key === 'a' ? '1h' : '2s', { cause: new Error(`${key} is down`) })
        },
      }),
    )
    app.add(component)
    await app.start()
    for (const key of ['a', 'b', 'c']) for (const n of [1, 2, 3]) await app.publish(numbers, { key, n })
    await app.advance(0)
    const failed = { attempt: 1, firstFailedAtMs: startMs, records: 3, id: expect.any(String) }
    expect(attachment().status!()).toMatchObject({
      group: 'sums',
      running: 0,
      partitions: [
        {
          topic: 'numbers',
          partition: 0,
          unfinished: 3,
          held: { records: 6, keys: 2 },
          heldKeys: [
            { key: 'b', reason: 'b is down', dueMs: startMs + 2_000, offset: 6, ...failed },
            { key: 'a', reason: 'a is down', dueMs: startMs + 3_600_000, offset: 0, ...failed },
          ],
          delayed: { records: 0 },
          waiting: [],
        },
      ],
    })
  })

  it('counts delayed tasks and tells when the next is due', async () => {
    await using app = testApp()
    const { component, attachment } = watched(worker('workers', { from: tasks, on: { t: () => {} } }))
    app.add(component)
    await app.start()
    for (const n of [3, 1, 2]) await app.send(tasks, { task: 't', n }, { delay: n * 60_000 })
    await app.advance(0)
    const delayedOf = () => attachment().status!().partitions[0]!.delayed
    expect(delayedOf()).toEqual({ records: 3, nextDueMs: startMs + 60_000 })
    await app.advance('2m')
    expect(delayedOf()).toEqual({ records: 1, nextDueMs: startMs + 180_000 })
    await app.advance('2m')
    expect(delayedOf()).toEqual({ records: 0 })
  })

  it('names the key that fills the store, as long as it does', async () => {
    parkingLimits.recordsOfKey = 2
    let isDown = true
    await using app = testApp()
    const { component, attachment } = watched(
      subscriber('sums', {
        from: numbers,
        on: () => {
          if (isDown) throw new RetryAfterError('1h')
        },
      }),
    )
    app.add(component)
    await app.start()
    for (const n of [1, 2, 3, 4]) await app.publish(numbers, { key: 'a', n })
    await app.advance(0)
    const waitingOf = () => attachment().status!().partitions[0]!.waiting
    expect(waitingOf()).toEqual(["2 records of key 'a' are held, the most that a key may have"])
    isDown = false
    await app.advance('1h')
    expect(waitingOf()).toEqual([])
  })

  it('tells that a partition takes no more behind a full store', async () => {
    parkingLimits.bytes = 0
    await using app = testApp()
    const { component, attachment } = watched(
      subscriber('sums', {
        from: numbers,
        on: () => {
          throw new RetryAfterError('1h')
        },
      }),
    )
    app.add(component)
    await app.start()
    await app.publishAll(
      numbers,
      Array.from({ length: 1_100 }, (_, n) => ({ key: 'a', n })),
    )
    await app.advance(0)
    expect(attachment().status!().partitions[0]).toMatchObject({
      unfinished: 1_024,
      held: { keys: 1, records: 1_024 },
      waiting: ['1024 records were taken and are not finished: no more are taken', '0 bytes are held, of 0 at most'],
    })
  })
})
