import { describe, expect, it, onTestFinished } from 'vitest'
import { poll, staged } from '../conformance/harness.ts'
import { until } from '../conformance/until.ts'
import type { GroupListener, Lease, Log, TopicPartition } from '../log.ts'
import { EmbeddedLog } from './embedded-log.ts'
import { ensureTopic, freshPath, readValues } from './engine.test-support.ts'
import { FaultySqlite } from './faulty-sqlite.test-support.ts'
import { openEmbeddedLog } from './index.ts'
import { resolveOptions } from './options.ts'
import { openStorage } from './storage.ts'

/** A log whose fsyncs end when the test says. */
async function openHeld(path: string) {
  const options = resolveOptions({ path })
  const storage = await openStorage(options)
  const syncs: PromiseWithResolvers<void>[] = []
  let held = true
  const log = new EmbeddedLog(
    {
      location: storage.location,
      path: storage.path,
      database: storage.database,
      identity: storage.identity,
      registration: storage.registration,
      syncCostMs: 0,
      sync: () => {
        if (!held) return Promise.resolve()
        const waiting = Promise.withResolvers<void>()
        syncs.push(waiting)
        return waiting.promise
      },
      startCheckpoints: (context) => storage.startCheckpoints(context),
      lockCleaning: () => storage.lockCleaning(),
      close: (how) => storage.close(how),
    },
    options,
  )
  const free = () => {
    held = false
    for (const sync of syncs.splice(0)) sync.resolve()
  }
  onTestFinished(async () => {
    free()
    await log.close()
  })
  return { log, syncs, free }
}

describe('what another process has written', () => {
  it('is shown by nobody before an fsync has covered it', async () => {
    const path = freshPath()
    await using writer = await openEmbeddedLog({ path })
    const [partition] = await ensureTopic(writer, 'orders')
    const { log, syncs, free } = await openHeld(path)
    const reader = log.createReader()
    reader.assign(partition!, 0)
    const answers: string[] = []
    const polled = poll(reader).then((records) => {
      answers.push('polled')
      return records
    })
    await writer.commit({
      batches: [staged(partition!, 'a')],
      offsets: { group: 'billing', offsets: [{ ...partition!, position: 1, metadata: 'm' }] },
    })
    // The watch has seen it and asked for an fsync, and so do these.
    await until('the look', () => syncs.length > 0)
    const end = log.offsets('end', [partition!]).then((ends) => answers.push(`end ${ends}`))
    const committed = log.committed('billing', [partition!]).then(() => answers.push('committed'))
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve))
    expect(answers).toEqual([])
    free()
    await Promise.all([end, committed])
    expect((await polled).map(({ value }) => value)).toEqual(['a'])
    expect(answers.toSorted()).toEqual(['committed', 'end 1', 'polled'])
  })
})

/** A listener that notes what it holds. */
function holder(): { readonly held: Set<string>; readonly listener: GroupListener } {
  const held = new Set<string>()
  const key = ({ topic, partition }: TopicPartition) => `${topic}/${partition}`
  const letGo = (leases: readonly Lease[]) => {
    for (const lease of leases) held.delete(key(lease))
  }
  const assigned = (leases: readonly Lease[]) => {
    for (const lease of leases) held.add(key(lease))
  }
  return { held, listener: { assigned, revoked: letGo, lost: letGo, failed() {} } }
}

/** Two processes meet, move a partition between them, write and read, and one leaves. */
async function scenario(log: Log, other: Log): Promise<void> {
  const partitions = await ensureTopic(log, 'orders', 2)
  const [one, two] = [holder(), holder()]
  const topics = ['orders']
  const member = await log.join({ group: 'billing', topics, listener: one.listener })
  await other.join({ group: 'billing', topics, listener: two.listener })
  await until('each to have one', () => one.held.size === 1 && two.held.size === 1)
  await other.commit({ batches: [staged(partitions[1]!, 'b')] })
  await log.commit({
    batches: [staged(partitions[0]!, 'a')],
    offsets: { group: 'billing', member, offsets: [{ ...member.leases[0]!, position: 1, metadata: '' }] },
  })
  expect(await readValues(log, partitions[1]!)).toEqual(['b'])
  expect(await log.committed('billing', partitions)).toContainEqual({ position: 1, metadata: '' })
  await member.leave()
  await until('the other to have both', () => two.held.size === 2)
}

describe('a lock of another process that meets any one statement', () => {
  it('is waited for: nothing fails, and nothing is lost', { timeout: 240_000 }, async () => {
    const busy = { name: 'busy', resultCode: 5, statement: 'skipped' } as const
    for (let failAt = 1, reached = true; reached; failAt++) {
      const path = freshPath()
      const sqlite = new FaultySqlite()
      const other = await openEmbeddedLog({ path })
      const log = await openEmbeddedLog({ path, openDatabase: sqlite.open })
      sqlite.arm(busy, failAt)
      await scenario(log, other).catch((error) => {
        throw new Error(`at statement ${failAt}`, { cause: error })
      })
      await log.close()
      reached = sqlite.failed
      await other.close()
    }
  })
})

describe('a log that is opened by many at once', () => {
  it('is opened by all, also where there was no file before', async () => {
    const path = freshPath()
    const logs = await Promise.all(Array.from({ length: 5 }, () => openEmbeddedLog({ path })))
    expect(new Set(logs.map(({ id }) => id)).size).toBe(1)
    const [partition] = await ensureTopic(logs[0]!, 'orders')
    await Promise.all(
      logs.map((log, index) => log.commit({ batches: [staged(partition!, `${index}`)] }).catch(() => {})),
    )
    await Promise.all(logs.map((log) => log.close()))
    await using again = await openEmbeddedLog({ path })
    expect((await readValues(again, partition!)).length).toBeGreaterThan(0)
  })
})
