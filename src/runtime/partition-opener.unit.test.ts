import { describe, expect, it, vi } from 'vitest'
import { silentLogger } from '../core/logger.ts'
import { ManualClock } from '../core/manual-clock.ts'
import type { Log, Topic } from '../log/log.ts'
import { DatabaseBusyError } from '../sql/storage-errors.ts'
import { topic } from '../topics/topic.ts'
import type { Host } from './attachment.ts'
import type { DatabaseHome } from './commit/commit-home.ts'
import type { ConsumerSpecification } from './consumer-specification.ts'
import { PartitionOpener } from './partition-opener.ts'
import type { PartitionTask, TaskOwner } from './partition-task.ts'
import { StorageRetry } from './storage-retry.ts'

const numbers = topic('numbers', {
  schema: { '~standard': { version: 1, vendor: 'test', validate: (value) => ({ value }) } },
})
const lease = { topic: 'numbers', partition: 0, epoch: 1 }
const busy = new DatabaseBusyError('file:app.db', 30_000, new Error('database is locked'))

/** An opener whose database is locked for so many claims. */
function bench({ refusals, isJoined = true }: { readonly refusals: number; readonly isJoined?: boolean }) {
  const clock = new ManualClock()
  const opened: PartitionTask[] = []
  const warn = vi.fn()
  let claims = 0
  let takes = true
  const home: Pick<DatabaseHome, 'claim' | 'readStore'> = {
    claim: async (key) => {
      if (claims++ < refusals) throw busy
      return { key, epoch: claims, progress: { position: 0, finished: [] } }
    },
    readStore: async () => [],
  }
  const known: Topic = { id: 'id', name: 'numbers', partitions: 1, compacted: false, retention: {}, created: false }
  const host: Pick<Host, 'clock' | 'logger' | 'knownTopic'> = {
    clock,
    logger: { ...silentLogger, warn },
    knownTopic: () => known,
  }
  const log: Pick<Log, 'id' | 'offsets'> = { id: 'log', offsets: async () => [0] }
  const specification: Pick<ConsumerSpecification, 'group' | 'startAt'> = { group: 'workers', startAt: 'earliest' }
  const opener = new PartitionOpener({
    host: host as Host,
    log: log as Log,
    home: home as DatabaseHome,
    specification: specification as ConsumerSpecification,
    owner: {} as TaskOwner,
    storage: new StorageRetry({ logger: silentLogger, random: () => 0, who: "'workers'", goesOn: () => takes }),
    sources: new Map([['numbers', numbers]]),
    intake: { open: (task) => void opened.push(task) },
    commands: { open() {} },
    offsets: { touch() {} },
    database: undefined,
    takes: () => takes,
    leases: () => (isJoined ? [lease] : undefined),
    failed() {},
  })
  const stop = () => {
    takes = false
  }
  return { opener, clock, opened, warn, stop }
}
const scheduled = (clock: ManualClock) => vi.waitFor(() => expect(clock.nextAtMs).toBeDefined())

describe('an opener of partitions', () => {
  it('waits for a database that another process keeps locked, and says so once', async () => {
    const { opener, clock, opened, warn } = bench({ refusals: 2 })
    const opening = opener.open([lease])
    for (let refusal = 0; refusal < 2; refusal++) {
      await scheduled(clock)
      expect(opened).toEqual([])
      clock.advanceBy(1_000)
    }
    await opening
    expect(opened).toHaveLength(1)
    expect(warn.mock.calls).toEqual([
      [expect.stringMatching(/^'workers' cannot begin with numbers\/0 yet: .*write lock/)],
    ])
  })

  it('opens nothing when its consumer stops meanwhile', async () => {
    const { opener, clock, opened, stop } = bench({ refusals: 1 })
    const opening = opener.open([lease])
    await scheduled(clock)
    stop()
    clock.advanceBy(1_000)
    await opening
    expect(opened).toEqual([])
  })

  it('fails the start of a member that joins', async () => {
    const { opener } = bench({ refusals: 1, isJoined: false })
    await expect(opener.open([lease])).rejects.toBe(busy)
  })
})
