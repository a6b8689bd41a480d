import { describe, expect, it } from 'vitest'
import * as z from 'zod'
import { StorageUnavailableError } from '../../core/errors.ts'
import { silentLogger } from '../../core/logger.ts'
import { ManualClock } from '../../core/manual-clock.ts'
import { FencedError } from '../../log/errors.ts'
import type { Lease, Log, Member, Topic, Unit } from '../../log/log.ts'
import { topic } from '../../topics/topic.ts'
import type { Host } from '../attachment.ts'
import type { Delivery } from '../delivery.ts'
import { Answers } from '../parking/answers.ts'
import { Parking } from '../parking/parking.ts'
import { PartitionTask, type TaskOwner } from '../partition-task.ts'
import { StorageRetry } from '../storage-retry.ts'
import { LogCommitter } from './log-committer.ts'
import type { OutputMessage } from './output.ts'
import { KeylessRotation } from './stager.ts'

const source = topic('numbers', { schema: z.unknown() })
const owner: TaskOwner = {
  mayAdmit: () => true,
  route: () => undefined,
  tombstoneRoute: () => undefined,
  delay: () => false,
  limitOf: () => undefined,
  due() {},
  offer() {},
  touched() {},
  backlogChanged() {},
  unreadable() {},
}

class LockedError extends StorageUnavailableError {
  readonly code = 'LOCKED'
}

/** A committer on a log that only notes what it is given. */
class Bench {
  leases: Lease[] = [0, 1].map((partition) => ({ topic: 'numbers', partition, epoch: 1 }))
  readonly units: Unit[] = []
  readonly failures: Error[] = []
  readonly lost: number[] = []
  topic: Topic | undefined
  goesOn = true
  /** Called with each unit before it is noted. */
  before: (unit: Unit) => void | Promise<void> = () => {}
  readonly tasks = this.leases.map(
    (lease) =>
      new PartitionTask({
        lease,
        source,
        topicId: 'id',
        checkpoint: undefined,
        progress: { position: 0, finished: [] },
        parking: new Parking({ clock: new ManualClock(), read: async () => [], due() {} }),
        answers: new Answers(async () => []),
        owner,
      }),
  )
  readonly committer: LogCommitter

  constructor() {
    const host: Pick<Host, 'progressed' | 'knownTopic'> = { progressed() {}, knownTopic: () => this.topic }
    const log: Pick<Log, 'commit' | 'commitCostMs'> = {
      commitCostMs: 1,
      commit: async (unit) => {
        await this.before(unit)
        this.units.push(unit)
        return []
      },
    }
    const leases = () => this.leases
    this.committer = new LogCommitter({
      host: host as Host,
      log: log as Log,
      group: 'g',
      rotation: new KeylessRotation(),
      storage: new StorageRetry({ logger: silentLogger, random: () => 0, who: "'g'", goesOn: () => this.goesOn }),
      drained: () => true,
      failed: (error) => void this.failures.push(error),
      lost: (task) => void this.lost.push(task.partition),
      committed() {},
      lazy: false,
    })
    const member: Pick<Member, 'leases'> = {
      get leases() {
        return leases()
      },
    }
    this.committer.member = member as Member
  }

  finishNext(partition: number, outputs: readonly OutputMessage[] = []): void {
    const task = this.tasks[partition]!
    const entry = task.tracker.start(task.tracker.fetched)
    const delivery: Pick<Delivery, 'entry' | 'parked'> = { entry, parked: undefined }
    this.committer.settle(task, { deliveries: [delivery as Delivery], outputs })
  }
  get positions(): (readonly [number, number])[][] {
    return this.units.map(({ offsets }) => offsets!.offsets.map(({ partition, position }) => [partition, position]))
  }
}

describe('the committer of a log', () => {
  it('makes one commit of what finished in a turn', async () => {
    const bench = new Bench()
    bench.finishNext(0)
    bench.finishNext(0)
    bench.finishNext(1)
    await bench.committer.flush()
    expect(bench.positions).toEqual([
      [
        [0, 2],
        [1, 1],
      ],
    ])
    expect(bench.committer.clean).toBe(true)
  })

  it('commits one unit at a time, and then what finished meanwhile', async () => {
    const bench = new Bench()
    const gate = Promise.withResolvers<void>()
    bench.before = () => gate.promise
    bench.finishNext(0)
    const first = bench.committer.flush()
    bench.finishNext(0)
    bench.finishNext(1)
    expect(bench.committer.clean).toBe(false)
    gate.resolve()
    await first
    await bench.committer.flush()
    expect(bench.positions).toEqual([
      [[0, 1]],
      [
        [0, 2],
        [1, 1],
      ],
    ])
  })

  it('goes on after a commit that had nothing left: its partitions belong to others', async () => {
    const bench = new Bench()
    const { leases } = bench
    bench.leases = []
    bench.finishNext(0)
    await bench.committer.flush()
    expect(bench.units).toEqual([])
    expect(bench.lost).toEqual([0])
    bench.leases = leases
    bench.finishNext(1)
    await bench.committer.flush()
    expect(bench.positions).toEqual([[[1, 1]]])
    expect(bench.failures).toEqual([])
  })

  it('leaves a partition out whose lease ended on the way, and commits the rest', async () => {
    const bench = new Bench()
    let attempts = 0
    bench.before = () => {
      if (attempts++ > 0) return
      bench.leases = bench.leases.slice(1)
      throw new FencedError('g', { topic: 'numbers', partition: 0 })
    }
    bench.finishNext(0)
    bench.finishNext(1)
    await bench.committer.flush()
    expect(bench.positions).toEqual([[[1, 1]]])
    expect(bench.lost).toContain(0)
    expect(bench.failures).toEqual([])
  })

  it('tells of a commit that fails, and of one that cannot be built, without hanging', async () => {
    const failing = new Bench()
    failing.before = () => {
      throw new Error('disk full')
    }
    failing.finishNext(0)
    await failing.committer.flush()
    expect(failing.failures).toMatchObject([{ message: 'disk full' }])

    const unbuilt = new Bench()
    unbuilt.finishNext(0, [{ topic: 'unknown', key: null, value: 'x', headers: [], timestampMs: 0 }])
    await unbuilt.committer.flush()
    expect(unbuilt.failures).toMatchObject([{ code: 'INVARIANT_BROKEN' }])
    expect(unbuilt.committer.clean).toBe(true)
  })

  it('sends a unit again that a locked log refused, with what it was built of, and what finished meanwhile after it', async () => {
    const bench = new Bench()
    let refusals = 0
    bench.before = () => {
      if (refusals++ >= 2) return
      if (refusals === 1) bench.finishNext(0)
      throw new LockedError('locked')
    }
    bench.finishNext(0)
    bench.finishNext(1)
    await bench.committer.flush()
    await bench.committer.flush()
    expect(bench.positions).toEqual([
      [
        [0, 1],
        [1, 1],
      ],
      [[0, 2]],
    ])
    expect(bench.failures).toEqual([])
  })

  it('leaves a partition out that was lost while the log was locked', async () => {
    const bench = new Bench()
    let attempts = 0
    bench.before = () => {
      attempts++
      if (attempts === 1) throw new LockedError('locked')
      if (attempts > 2) return
      bench.leases = bench.leases.slice(1)
      throw new FencedError('g', { topic: 'numbers', partition: 0 })
    }
    bench.finishNext(0)
    bench.finishNext(1)
    await bench.committer.flush()
    expect(bench.positions).toEqual([[[1, 1]]])
    expect(bench.failures).toEqual([])
  })

  it('gives up on a locked log when the component ends', async () => {
    const bench = new Bench()
    bench.before = () => {
      bench.goesOn = false
      throw new LockedError('locked')
    }
    bench.finishNext(0)
    await bench.committer.flush()
    expect(bench.failures).toMatchObject([{ code: 'LOCKED' }])
  })

  it('commits nothing after a failure: a later position would pass records whose outputs were lost with it', async () => {
    const bench = new Bench()
    bench.before = () => {
      bench.before = () => {}
      throw new Error('locked for a while')
    }
    bench.finishNext(0)
    await bench.committer.flush()
    bench.finishNext(0)
    await bench.committer.flush()
    expect(bench.failures).toHaveLength(1)
    expect(bench.units).toEqual([])
  })

  it('takes more outputs of one handler than a call takes arguments', async () => {
    const bench = new Bench()
    const output: OutputMessage = { topic: 'numbers', key: 'a', value: '1', headers: [], timestampMs: 0 }
    bench.topic = { name: 'numbers', id: 'id', partitions: 1, compacted: false, retention: {}, created: false }
    bench.finishNext(0, [output])
    bench.finishNext(
      0,
      Array.from({ length: 200_000 }, () => output),
    )
    await bench.committer.flush()
    const counts = bench.units.flatMap(({ batches = [] }) => batches.map(({ batch }) => batch.count))
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(200_001)
    expect(bench.positions.at(-1)).toEqual([[0, 2]])
  })
})
