import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { millrace } from 'millrace'
import { subscriber } from 'millrace/pubsub'
import { expect, it, onTestFinished } from 'vitest'
import { customers, customersAsOfOld } from './customers.ts'

const quiet = { ...console, info() {}, error() {} }

function open() {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-topics-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return () => millrace('customers', { url: `file:${join(folder, 'log.db')}`, logger: quiet })
}
const customerId = 'c-1'

it('reads what the version before wrote', async () => {
  const start = open()
  const old = start()
  await old.publish(customersAsOfOld, { type: 'CUSTOMER_RENAMED', customerId, name: 'Ada King Lovelace' })
  await old.stop()

  const names: unknown[] = []
  await using app = start()
  app.add(subscriber('names', { from: customers, on: (event) => void names.push(event.names) }))
  await app.start()
  await app.publish(customers, { type: 'CUSTOMER_RENAMED', customerId, names: { given: 'Ada', family: 'Byron' } })
  await app.settled()
  expect(names).toEqual([
    { given: 'Ada', family: 'King Lovelace' },
    { given: 'Ada', family: 'Byron' },
  ])
})

it('is not read by a program of the version before: it stops with what to do', async () => {
  const start = open()
  const newer = start()
  await newer.publish(customers, { type: 'CUSTOMER_RENAMED', customerId, names: { given: 'Ada', family: 'Byron' } })
  await newer.stop()

  await using app = start()
  app.add(subscriber('names', { from: customersAsOfOld, whenSpent: 'stop', on: () => {} }))
  await app.start()
  await expect(app.settled()).rejects.toThrow(
    /of version 2, and this program knows versions up to 1: update the program/,
  )
})
