import { describe, expect, it, onTestFinished } from 'vitest'
import { poll, staged } from '../conformance/harness.ts'
import type { GroupListener, TopicPartition } from '../log.ts'
import { EmbeddedLog } from './embedded-log.ts'
import { LogFailedError } from './errors.ts'
import { type EmbeddedLogOptions, resolveOptions } from './options.ts'
import { openStorage } from './storage.ts'

const turn = () => new Promise((resolve) => setImmediate(resolve))
const group = 'billing'
const listener: GroupListener = { assigned() {}, revoked() {}, lost() {}, failed() {} }

/** A log in memory whose fsyncs end when the test says. */
async function openHeld(given: EmbeddedLogOptions = {}) {
  const options = resolveOptions({ memory: true, ...given })
  const storage = await openStorage(options)
  let held = false
  const syncs: PromiseWithResolvers<void>[] = []
  const sync = () => {
    if (!held) return Promise.resolve()
    const waiting = Promise.withResolvers<void>()
    syncs.push(waiting)
    return waiting.promise
  }
  const log = new EmbeddedLog({ ...storage, sync }, options)
  onTestFinished(() => log.close())
  await log.ensureTopics([{ name: 'orders', partitions: 1, exact: true }])
  held = true
  return {
    log,
    partition: { topic: 'orders', partition: 0 } satisfies TopicPartition,
    endSync: () => syncs.shift()!.resolve(),
    failSync: (error: Error) => syncs.shift()!.reject(error),
  }
}

describe('what is written and not yet on disk', () => {
  it('is shown to nobody until the fsync has ended', async () => {
    const { log, partition, endSync } = await openHeld()
    const reader = log.createReader()
    reader.assign(partition, 0)
    const polled = poll(reader)
    let answered = 0
    void polled.then(() => answered++)
    const commit = log.commit({
      batches: [staged(partition, 'a')],
      offsets: { group, offsets: [{ ...partition, position: 1, metadata: 'm' }] },
    })
    void commit.then(() => answered++)
    await turn()
    await turn()
    expect(await log.offsets('end', [partition])).toEqual([0])
    expect(await log.offsets(new Date(0), [partition])).toEqual([0])
    expect(await log.committed(group, [partition])).toEqual([undefined])
    expect(answered).toBe(0)

    endSync()
    expect(await commit).toEqual([0])
    expect((await polled).map(({ value }) => value)).toEqual(['a'])
    expect(await log.offsets('end', [partition])).toEqual([1])
    expect(await log.offsets(new Date(0), [partition])).toEqual([0])
    expect(await log.committed(group, [partition])).toEqual([{ position: 1, metadata: 'm' }])
  })

  it('stays hidden behind what is durable already, in memory and in the file', async () => {
    for (const tailCacheBytes of [0, 1_000_000]) {
      const { log, partition, endSync } = await openHeld({ tailCacheBytes })
      const append = async (value: string) => {
        const commit = log.commit({ batches: [staged(partition, value)] })
        await turn()
        return commit
      }
      const first = append('a')
      await turn()
      endSync()
      await first
      const second = append('b')
      await turn()
      const reader = log.createReader()
      reader.assign(partition, 0)
      expect((await poll(reader)).map(({ value }) => value)).toEqual(['a'])
      expect(reader.position(partition)).toBe(1)
      endSync()
      await second
      expect((await poll(reader)).map(({ value }) => value)).toEqual(['b'])
    }
  })

  it('is no topic that may be relied on', async () => {
    const { log, endSync } = await openHeld()
    let made = 0
    const specification = { name: 'payments', partitions: 1, exact: true }
    const calls = [log.ensureTopics([specification]), log.ensureTopics([specification])]
    for (const call of calls) void call.then(() => made++)
    await turn()
    expect(made).toBe(0)
    endSync()
    endSync()
    const created = (await Promise.all(calls)).map(([topic]) => topic?.created)
    expect(created).toEqual([true, false])
  })

  it('is never shown when the fsync fails: the log ends, with all that waits on it', async () => {
    const { log, partition, failSync } = await openHeld()
    const reader = log.createReader()
    reader.assign(partition, 0)
    const polled = reader.poll()
    const failures: Error[] = []
    const topics = [partition.topic]
    const member = await log.join({ group, topics, listener: { ...listener, failed: (error) => failures.push(error) } })
    const commit = log.commit({ batches: [staged(partition, 'a')] })
    await turn()
    const outcomes = Promise.allSettled([commit, polled])
    failSync(new Error('EIO'))
    for (const outcome of await outcomes) {
      expect(outcome).toMatchObject({ status: 'rejected', reason: expect.any(LogFailedError) })
    }
    expect(failures).toEqual([expect.any(LogFailedError)])
    expect(member.leases).toEqual([])
    await member.leave()
    await expect(log.offsets('end', [partition])).rejects.toThrow(LogFailedError)
    await expect(log.commit({})).rejects.toThrow(LogFailedError)
    await expect(log.ensureTopics([])).rejects.toThrow(LogFailedError)
    await expect(log.join({ group, topics, listener })).rejects.toThrow(LogFailedError)
    expect(() => log.createReader()).toThrow(LogFailedError)
  })
})
