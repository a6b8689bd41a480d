import { describe, expect, it } from 'vitest'
import { StorageUnavailableError } from '../core/errors.ts'
import { silentLogger } from '../core/logger.ts'
import { ManualClock } from '../core/manual-clock.ts'
import { turn } from '../testing/gate.test-support.ts'
import type { Host } from './attachment.ts'
import { type AttemptOwner, AttemptRunner } from './attempt-runner.ts'
import type { HomeTransaction } from './commit/commit-home.ts'
import type { Delivery } from './delivery.ts'

class LockedError extends StorageUnavailableError {
  readonly code = 'LOCKED'
}

/** A runner whose owner notes what it is told. */
class Bench {
  readonly events: string[] = []
  readonly clock = new ManualClock()
  readonly runner: AttemptRunner
  begin: () => HomeTransaction | undefined = () => undefined

  constructor() {
    const host: Pick<Host, 'clock' | 'middleware' | 'takesOutputs'> = {
      clock: this.clock,
      middleware: [],
      takesOutputs: () => false,
    }
    const note = (event: string) => void this.events.push(event)
    const owner: AttemptOwner = {
      begin: () => this.begin(),
      finish: () => {
        note('finished')
        queueMicrotask(() => note('looked after the turn'))
        return undefined
      },
      release: () => note('released'),
      takesOver: () => false,
      splits: () => false,
      hold: () => false,
      bury: async () => note('buried'),
      park: () => note('parked'),
      unpark: (delivery) => this.runner.run(delivery),
      unparkFirst: (delivery) => this.runner.run(delivery),
      lost: () => note('lost'),
      failed: ({ message }) => note(`failed: ${message}`),
    }
    const scope = { host: host as Host, componentName: 'g', log: silentLogger }
    this.runner = new AttemptRunner({ scope, owner, whenSpent: 'stop', random: () => 1 })
  }

  deliver(handle: () => unknown, attempts = 1): void {
    const delivery: object = {
      task: { active: true, running: 0, topic: 'numbers', partition: 0 },
      offset: 7,
      route: { handle, retry: { attempts, delayMs: 10, maxDelayMs: 10 }, timeoutMs: 1_000 },
      attempt: 1,
    }
    this.runner.run(delivery as Delivery)
  }
}

describe('the attempt runner', () => {
  it.each([
    ['at once', () => {}],
    ['with a promise', async () => {}],
  ])(
    'releases a record that ended %s in the turn in which it finished: the commit looks right after',
    async (_, handle) => {
      const bench = new Bench()
      bench.deliver(handle)
      await turn()
      expect(bench.events).toEqual(['finished', 'released', 'looked after the turn'])
    },
  )

  it('takes a transaction that cannot begin for a failed attempt', async () => {
    const bench = new Bench()
    bench.begin = () => {
      if (bench.clock.nowMs() === 0) throw new Error('the database is closed')
      return undefined
    }
    bench.deliver(() => {}, 2)
    await turn()
    expect(bench.events).toEqual(['parked'])
    bench.clock.advanceBy(10)
    expect(bench.events.slice(1, 3)).toEqual(['finished', 'released'])
  })

  it('takes a time limit that passes while the database is locked for the lock, and spends no attempt', async () => {
    const bench = new Bench()
    let refusal: Error | undefined = new LockedError('locked')
    const transaction: Pick<HomeTransaction, 'context' | 'refusal' | 'run' | 'rollback'> = {
      context: {},
      get refusal() {
        return refusal
      },
      run: (work) => work(),
      rollback: async () => {},
    }
    bench.begin = () => transaction as HomeTransaction
    bench.deliver(() => new Promise(() => {}))
    await turn()
    bench.clock.advanceBy(1_000)
    await turn()
    expect(bench.events).toEqual(['parked'])
    expect(bench.runner.storageReason).toMatch(
      /^1 record waits since 1970.*, spending no attempts: locked The next try/,
    )
    refusal = undefined
    bench.clock.advanceBy(2_000)
    await turn()
    // Its own slowness.
    expect(bench.events.slice(1)).toEqual([expect.stringMatching(/^failed: .*took longer than 1000 ms/), 'released'])
    expect(bench.runner.storageReason).toBeUndefined()
  })

  it('names the place when the last attempt has failed', async () => {
    const bench = new Bench()
    bench.deliver(() => {
      throw new Error('no stock')
    })
    await turn()
    expect(bench.events).toEqual([
      expect.stringMatching(/^failed: 'g' failed 1 time .*numbers\/0 at offset 7.*no stock/),
      'released',
    ])
  })
})
