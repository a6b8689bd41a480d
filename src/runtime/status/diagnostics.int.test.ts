import { type DiagnosticMessages, type DiagnosticName, onDiagnostic, RejectError, topic } from 'millrace'
import { command } from 'millrace/cqrs'
import { batchSubscriber, subscriber } from 'millrace/pubsub'
import { database } from 'millrace/sql'
import { testApp } from 'millrace/testing'
import { describe, expect, it } from 'vitest'
import * as z from 'zod'

const numbers = topic('numbers', { schema: z.object({ n: z.number() }), key: ({ n }) => `${n}`, partitions: 1 })
const shop = database('shop')

/** Everything that a channel tells while `run` runs. */
async function listen<Name extends DiagnosticName>(name: Name, run: () => Promise<unknown>) {
  const told: DiagnosticMessages[Name][] = []
  const stop = onDiagnostic(name, (message) => void told.push(message))
  try {
    await run()
  } finally {
    stop()
  }
  return told
}

/** Handles a number: 0 is rejected, what is below fails until its third attempt. */
function appOfNumbers() {
  const app = testApp()
  app.add(
    subscriber('sums', {
      from: numbers,
      retry: { attempts: 3, delay: '10s', maxDelay: '10s' },
      on: ({ n }, { attempt }) => {
        if (n === 0) throw new RejectError('zero')
        if (n < 0 && attempt < 3) throw new Error(`not yet ${attempt}`)
      },
    }),
  )
  return app
}

describe('diagnostics channels', () => {
  it('tell of each record that a handler ended well with, and how long it took', async () => {
    await using app = appOfNumbers()
    await app.start()
    const told = await listen('millrace:record:handled', async () => {
      const { id } = await app.publish(numbers, { n: 1 }, { id: 'first' })
      expect(id).toBe('first')
      await app.settled()
    })
    expect(told).toEqual([
      {
        group: 'sums',
        topic: 'numbers',
        partition: 0,
        offset: 0,
        id: 'first',
        attempt: 1,
        records: 1,
        durationMs: expect.any(Number),
      },
    ])
  })

  it('tell of a batch once, with how many of its records are done', async () => {
    await using app = testApp()
    const handle = app.add(
      batchSubscriber('sums', {
        from: numbers,
        batch: { size: 10 },
        on: (items) => items.find(({ event }) => event.n === 2)?.fail(new RejectError('two')),
      }),
    )
    await app.start()
    await handle.pause('until all are there')
    for (const n of [1, 2, 3]) await app.publish(numbers, { n })
    const told = await listen('millrace:record:handled', async () => {
      await handle.resume()
      await app.settled()
    })
    expect(told).toMatchObject([{ group: 'sums', records: 2 }])
  })

  it('tell of failed attempts, of a record that is held, and no more when nobody listens', async () => {
    await using app = appOfNumbers()
    await app.start()
    const held = listen('millrace:record:held', async () => {
      const failed = await listen('millrace:record:failed', async () => {
        await app.publish(numbers, { n: -1 })
        await app.advance(0)
        await app.advance('10s')
      })
      expect(failed).toMatchObject([
        { attempt: 1, error: { message: 'not yet 1' }, retryInMs: expect.any(Number) },
        { attempt: 2, error: { message: 'not yet 2' }, retryInMs: expect.any(Number) },
      ])
    })
    const [first, second] = await held
    expect(first).toMatchObject({ group: 'sums', key: '-1', attempt: 2 })
    expect(second).toMatchObject({ key: '-1', attempt: 3 })
    // After the wait that the failure told: 10 seconds, with jitter.
    expect(first!.dueAt.getTime() - Date.UTC(2026, 0, 1)).toBeGreaterThan(5_000)
    expect(second!.dueAt.getTime()).toBeGreaterThan(first!.dueAt.getTime())
    await app.advance('10s')
    await app.settled()
  })

  it('tell of a dead letter with its fingerprint, and of its redrive', async () => {
    await using app = appOfNumbers()
    await app.start()
    const failed: DiagnosticMessages['millrace:record:failed'][] = []
    const stop = onDiagnostic('millrace:record:failed', (message) => void failed.push(message))
    const [dead] = await listen('millrace:record:dead', async () => {
      await app.publish(numbers, { n: 0 })
      await app.settled()
    })
    stop()
    expect(failed).toMatchObject([{ attempt: 1, error: { message: 'zero' } }])
    expect(failed[0]).not.toHaveProperty('retryInMs')
    const [letter] = await app.deadLetters.list()
    expect(dead).toMatchObject({
      deadLetterId: letter!.id,
      fingerprint: letter!.fingerprint,
      error: { message: 'zero' },
    })
    const redriven = await listen('millrace:record:redriven', async () => {
      await app.deadLetters.redrive({ id: letter!.id })
      await app.settled()
    })
    expect(redriven).toMatchObject([{ group: 'sums', topic: 'numbers', offset: 0, deadLetterId: letter!.id }])
  })

  it('tell of commits, with what they put out', async () => {
    await using app = testApp()
    const echoed = topic('echoed', { schema: z.object({ n: z.number() }) })
    app.add(subscriber('echo', { from: numbers, on: ({ n }, { publish }) => publish(echoed, { n }) }))
    await app.start()
    const commits = await listen('millrace:commit', async () => {
      await app.publish(numbers, { n: 1 })
      await app.settled()
    })
    // What is passed behind the record (offsets that are left out) is perhaps a commit of its own.
    expect(commits[0]).toEqual({ group: 'echo', partitions: 1, outputs: 1, durationMs: expect.any(Number) })
    expect(commits.slice(1).map(({ outputs }) => outputs)).toEqual(commits.slice(1).map(() => 0))
  })

  it('tell who got and gave up which partitions, without the framework’s own', async () => {
    const app = appOfNumbers()
    const partitions = [{ topic: 'numbers', partition: 0 }]
    expect(await listen('millrace:rebalance:assigned', () => app.start())).toEqual([{ group: 'sums', partitions }])
    expect(await listen('millrace:rebalance:revoked', () => app.stop())).toEqual([{ group: 'sums', partitions }])
  })

  it('tell of an outage and of its end', async () => {
    let isDown = true
    await using app = testApp()
    app.add(
      subscriber('sums', {
        from: numbers,
        pauseOn: ({ message }) => message === 'down',
        on: () => {
          if (isDown) throw new Error('down')
        },
      }),
    )
    await app.start()
    const closed = listen('millrace:circuit:closed', async () => {
      const opened = await listen('millrace:circuit:opened', async () => {
        await app.publish(numbers, { n: 1 })
        await app.advance(0)
      })
      expect(opened).toEqual([
        { group: 'sums', error: expect.objectContaining({ message: 'down' }), probeInMs: expect.any(Number) },
      ])
      isDown = false
      await app.advance('5s')
    })
    const [{ waitedMs }] = (await closed) as [DiagnosticMessages['millrace:circuit:closed']]
    expect(waitedMs).toBeGreaterThan(0)
  })

  it('tell what a relay published', async () => {
    await using app = testApp()
    const add = command('add', {
      database: shop,
      input: z.number(),
      handle: (n, { publish }) => publish(numbers, { n }),
    })
    const handle = app.add(add)
    await app.start()
    const published = await listen('millrace:relay:published', async () => {
      await handle.execute(1)
      await app.settled()
    })
    expect(published).toEqual([{ database: 'memory:', messages: 1, durationMs: expect.any(Number) }])
  })

  it('tell of a component that died', async () => {
    await using app = testApp()
    app.add(
      subscriber('fragile', {
        from: numbers,
        whenSpent: 'stop',
        on: () => {
          throw new RejectError('never')
        },
      }),
    )
    await app.start()
    const told = await listen('millrace:component:failed', async () => {
      await app.publish(numbers, { n: 1 })
      await expect(app.settled()).rejects.toThrow('never')
    })
    expect(told).toMatchObject([{ kind: 'subscriber', name: 'fragile', error: { code: 'ATTEMPTS_SPENT' } }])
  })
})
