import { topic } from 'millrace'
import { subscriber } from 'millrace/pubsub'
import { testApp } from 'millrace/testing'
import { expect, it } from 'vitest'
import * as z from 'zod'
import { Gate } from '../testing/gate.test-support.ts'
import type { AttachableComponent, Attachment, Host } from './attachment.ts'

const numbers = topic('numbers', { schema: z.object({ n: z.number() }) })

/** The same host, whose framework topics come into being when the gate is open. */
function hostBehind(gate: Gate, host: Host): Host {
  return new Proxy(host, {
    get: (target, name) => {
      if (name === 'ensureInternal') {
        return async (asked: Parameters<Host['ensureInternal']>[0]) => {
          await gate.pass()
          await target.ensureInternal(asked)
        }
      }
      const value: unknown = Reflect.get(target, name, target)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}

it('a component that is stopped while it prepares does not start afterwards', async () => {
  const seen: number[] = []
  const gate = new Gate()
  let attachment: Attachment | undefined
  const plain = subscriber('late', { from: numbers, on: ({ n }) => void seen.push(n) }) as AttachableComponent
  const late: AttachableComponent = {
    ...plain,
    '~attach': (host) => {
      attachment = plain['~attach'](hostBehind(gate, host))
      return { ...attachment, start: async () => {} }
    },
  }
  await using app = testApp()
  app.add(late)
  const other = app.add(subscriber('other', { from: numbers, on: () => {} }))
  await app.start()
  await app.publish(numbers, { n: 1 })
  const starting = attachment!.start()
  await gate.reached
  await attachment!.stop(0)
  gate.open()
  await starting
  // Another group of the same log comes to its end: what was there for this one had its time too.
  await app.publish(numbers, { n: 2 })
  await expect.poll(() => other.lag()).toBe(0)
  expect(seen).toEqual([])
  expect((await attachment!.report!()).state).toBe('stopped')
})
