import { RejectError, topic } from 'millrace'
import { command } from 'millrace/cqrs'
import { subscriber } from 'millrace/pubsub'
import { queue, worker } from 'millrace/queue'
import { database } from 'millrace/sql'
import { testApp } from 'millrace/testing'
import { describe, expect, it } from 'vitest'
import * as z from 'zod'
import { Gate } from '../testing/gate.test-support.ts'
import type { AppStatus } from './status.ts'

const numbers = topic('numbers', {
  schema: z.object({ key: z.string(), n: z.number() }),
  key: ({ key }) => key,
  partitions: 2,
})
const mails = queue('mails', { schema: z.object({ type: z.literal('MAIL') }) })
const shop = database('shop')
const nothing = () => {}
const componentOf = (status: AppStatus, name: string) => status.components.find((each) => each.name === name)!

describe('the status of an app', () => {
  it('says of each component what it reads, where it commits and what holds, before the log is opened too', async () => {
    await using app = testApp()
    app.add(subscriber('sums', { from: numbers, on: nothing }))
    const status = await app.status()
    expect(status).toMatchObject({ app: 'test', state: 'new', log: null, outboxes: [], health: { status: 'down' } })
    expect(status.components).toEqual([
      {
        name: 'sums',
        kind: 'subscriber',
        state: 'new',
        waitsFor: [],
        reads: ['numbers'],
        home: 'log',
        guarantee: expect.stringContaining('atomic'),
        group: expect.objectContaining({ lag: null, partitions: [], lanes: { busy: 0, concurrency: 16 } }),
      },
    ])
  })

  it('counts what is not handled by partition, and the handlers that run', async () => {
    const gate = new Gate()
    await using app = testApp()
    app.add(subscriber('sums', { from: numbers, concurrency: 3, on: () => gate.pass() }))
    await app.start()
    for (let n = 0; n < 4; n++) await app.publish(numbers, { key: 'a', n })
    await gate.reached
    const { group } = componentOf(await app.status(), 'sums')
    // Four commits, and the offset that the log leaves out after each.
    expect(group).toMatchObject({ lag: 8, lanes: { busy: 1, concurrency: 3 }, lastFailure: null })
    const lags = group!.partitions.map(({ topic: name, partition, lag, isOwn }) => ({ name, partition, lag, isOwn }))
    expect(lags.toSorted((a, b) => a.lag - b.lag)).toMatchObject([
      { name: 'numbers', lag: 0, isOwn: true },
      { name: 'numbers', lag: 8, isOwn: true },
    ])
    gate.open()
    await app.settled()
    const after = componentOf(await app.status(), 'sums').group!
    expect(after).toMatchObject({ lag: 0, lanes: { busy: 0 } })
    expect(after.rates.last10s).toBeGreaterThan(0)
  })

  it('names who paused a component, and since when nothing waits it says so', async () => {
    await using app = testApp()
    const handle = app.add(subscriber('sums', { from: numbers, on: nothing }))
    await app.start()
    await handle.pause('the provider is being changed')
    const waitsFor = ['paused: the provider is being changed']
    expect(componentOf(await app.status(), 'sums')).toMatchObject({ state: 'waiting', waitsFor })
    expect(app.health().status).toBe('up')
    await handle.resume()
    expect(componentOf(await app.status(), 'sums')).toMatchObject({ state: 'running', waitsFor: [] })
  })

  it('names the keys that are held with what failed and when they are due, and counts what is delayed', async () => {
    await using app = testApp()
    app.add(
      subscriber('sums', {
        from: numbers,
        retry: { attempts: 5, delay: '1m', maxDelay: '1m' },
        on: ({ key }) => {
          if (key === 'a') throw new Error('the provider is down')
        },
      }),
      worker('mailers', { from: mails, on: { MAIL: nothing } }),
    )
    await app.start()
    for (const key of ['a', 'a', 'b']) await app.publish(numbers, { key, n: 1 })
    await app.send(mails, { type: 'MAIL' }, { delay: '1h' })
    await app.advance(0)
    const status = await app.status()
    const { held } = componentOf(status, 'sums').group!
    expect(held).toMatchObject({ records: 2, keys: 1 })
    expect(held.first).toMatchObject([
      { key: 'a', records: 2, reason: 'the provider is down', attempt: 2, firstFailedAt: '2026-01-01T00:00:00.000Z' },
    ])
    expect(held.first[0]!.dueAt).toMatch(/^2026-01-01T00:0[01]:/)
    const mailers = componentOf(status, 'mailers').group!
    expect(mailers.delayed).toEqual({ records: 1, nextDueAt: '2026-01-01T01:00:00.000Z' })
    expect(JSON.parse(JSON.stringify(status))).toEqual(status)
  })

  it('keeps the last failure, and a component that died is failed', async () => {
    await using app = testApp()
    app.add(
      subscriber('sums', {
        from: numbers,
        whenSpent: 'stop',
        on: () => {
          throw new RejectError('not this one')
        },
      }),
    )
    await app.start()
    await app.publish(numbers, { key: 'a', n: 1 })
    await expect(app.settled()).rejects.toMatchObject({ code: 'COMPONENT_FAILED' })
    const status = await app.status()
    expect(status.health.status).toBe('down')
    expect(componentOf(status, 'sums')).toMatchObject({
      state: 'failed',
      group: { lag: 2, lastFailure: { name: 'RejectError', message: 'not this one', at: '2026-01-01T00:00:00.000Z' } },
    })
  })

  it('counts dead letters by cause, until they are redriven', async () => {
    let isBroken = true
    await using app = testApp()
    app.add(
      subscriber('sums', {
        from: numbers,
        on: ({ n }) => {
          if (isBroken) throw new RejectError(`not ${n}`)
        },
      }),
      subscriber('others', { from: numbers, on: nothing }),
    )
    await app.start()
    for (let n = 0; n < 3; n++) await app.publish(numbers, { key: 'a', n })
    await app.settled()
    const { deadLetters } = await app.status()
    expect(deadLetters).toMatchObject([
      { group: 'sums', topic: 'numbers', count: 3, name: 'RejectError', message: 'not 2' },
    ])
    expect((await app.status()).deadLetters).toBe(deadLetters)
    isBroken = false
    await app.deadLetters.redrive({ fingerprint: deadLetters[0]!.fingerprint })
    await app.settled()
    expect((await app.status()).deadLetters).toEqual([])
  })

  it('shows databases with their outboxes, and what is called without a group', async () => {
    await using app = testApp()
    const add = command('add', {
      database: shop,
      input: z.number(),
      handle: (n, { publish }) => publish(numbers, { key: 'a', n }),
    })
    const handle = app.add(add)
    await app.start()
    await handle.execute(1)
    await app.settled()
    const status = await app.status()
    expect(componentOf(status, 'add')).toMatchObject({ kind: 'command', state: 'running', group: null })
    expect(status.outboxes).toEqual([{ database: 'memory:', state: 'running', pending: 0, error: null }])
    expect(status.log).toMatchObject({ location: 'memory:', error: null })
    expect(JSON.parse(JSON.stringify(status))).toEqual(status)
  })

  it('answers after the stop', async () => {
    await using app = testApp()
    app.add(subscriber('sums', { from: numbers, on: nothing }))
    await app.start()
    await app.stop()
    const status = await app.status()
    expect(status).toMatchObject({ state: 'stopped', log: { error: expect.stringContaining('closed') } })
    expect(componentOf(status, 'sums')).toMatchObject({ state: 'stopped', group: { lag: null } })
  })
})
