import { expect, it } from 'vitest'
import { StorageUnavailableError } from '../../core/errors.ts'
import { silentLogger } from '../../core/logger.ts'
import { FencedError } from '../../log/errors.ts'
import type { GroupListener, GroupOptions, Lease, Log, Member, Topic, Unit } from '../../log/log.ts'
import { Gate, turn } from '../../testing/gate.test-support.ts'
import type { Host } from '../attachment.ts'
import type { DatabaseHome, OutboxRow } from './commit-home.ts'
import { OutboxRelay } from './outbox-relay.ts'

const topic: Topic = { name: 'numbers', id: 't', partitions: 1, compacted: false, retention: {}, created: false }
const leaseOf = (epoch: number): Lease => ({ topic: 'millrace-outbox', partition: 0, epoch })
const rowOf = (number: number): OutboxRow => ({
  number,
  message: { topic: 'numbers', key: null, value: String(number), headers: [], timestampMs: 0 },
})

class LockedError extends StorageUnavailableError {
  readonly code = 'LOCKED'
}

/** A relay on a log that fences every epoch but the current one, and on an outbox whose next read may be held. */
class Bench {
  rows: OutboxRow[] = []
  epoch = 1
  position = 1
  gate: Gate | undefined
  listener: GroupListener | undefined
  readonly failures: Error[] = []
  /** Called before each commit on the log. */
  before: () => void = () => {}
  #committed: (() => void) | undefined
  readonly relay: OutboxRelay

  constructor() {
    const member: Pick<Member, 'leave'> = { leave: async () => {} }
    const log: Partial<Log> = {
      id: 'log',
      ensureTopics: async () => [topic],
      committed: async () => [{ position: this.position, metadata: '' }],
      join: async (options: GroupOptions) => {
        this.listener = options.listener
        await options.listener.assigned([leaseOf(this.epoch)])
        return member as Member
      },
      commit: async ({ offsets }: Unit) => {
        this.before()
        const [offset] = offsets!.offsets
        if (offset!.epoch !== this.epoch) throw new FencedError(offsets!.group, offset!)
        this.position = offset!.position
        return [0]
      },
    }
    const outbox: DatabaseHome['outbox'] = {
      read: async (after) => {
        const gate = this.gate
        this.gate = undefined
        await gate?.pass()
        return this.rows.filter(({ number }) => number > after)
      },
      count: async () => 0,
      remove: async () => {},
      lastNumber: async () => this.rows.length,
      onCommitted: (listener) => {
        this.#committed = listener
        return () => {
          if (this.#committed === listener) this.#committed = undefined
        }
      },
    }
    const home: Partial<DatabaseHome> = {
      databaseId: 'd',
      location: 'db',
      outbox,
      durable: async () => {},
      claim: async (key) => ({ key, progress: undefined }),
    }
    const host: Partial<Host> = {
      knownTopic: () => topic,
      progressed() {},
      logger: silentLogger,
      random: () => 0,
    }
    this.relay = new OutboxRelay({
      host: host as Host,
      home: home as DatabaseHome,
      log: log as Log,
      failed: (error) => this.failures.push(error),
    })
  }

  put(): void {
    this.rows.push(rowOf(this.rows.length + 1))
    this.#committed?.()
  }
}

it('an outbox that is lost and got again while a commit is under way goes on being published', async () => {
  const bench = new Bench()
  await bench.relay.start()
  const gate = new Gate()
  bench.gate = gate
  bench.put()
  await gate.reached
  // The process hung: another one had the outbox for a moment, and this one has it again.
  bench.listener!.lost([leaseOf(1)])
  bench.epoch = 3
  const assigned = bench.listener!.assigned([leaseOf(3)])
  await turn()
  gate.open()
  await assigned
  await turn()
  bench.put()
  await expect.poll(() => bench.position).toBe(3)
  await bench.relay.stop()
  expect(bench.failures).toEqual([])
})

it('an outbox outlives a log that is locked for a while, and says what it waits for', async () => {
  const bench = new Bench()
  await bench.relay.start()
  let isLocked = true
  bench.before = () => {
    if (isLocked) throw new LockedError('locked')
  }
  bench.put()
  await expect.poll(() => bench.relay.status()).toMatchObject({ state: 'running', error: 'locked' })
  isLocked = false
  await expect.poll(() => bench.position).toBe(2)
  await expect.poll(() => bench.relay.status()).toMatchObject({ state: 'running', error: null })
  await bench.relay.stop()
  expect(bench.failures).toEqual([])
})

it('an outbox that is lost while the log is locked is no failure', async () => {
  const bench = new Bench()
  await bench.relay.start()
  bench.before = () => {
    bench.listener!.lost([leaseOf(1)])
    throw new LockedError('locked')
  }
  bench.put()
  await turn()
  await bench.relay.stop()
  expect(bench.failures).toEqual([])
})
