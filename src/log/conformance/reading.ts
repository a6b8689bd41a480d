import { expect } from 'vitest'
import { LogClosedError, NotAssignedError } from '../errors.ts'
import type { Behaviours } from './harness.ts'
import { poll, staged, take, values } from './harness.ts'
import { until } from './until.ts'

export const reading: Behaviours = {
  'begins at the position that it was given, within a batch too': async (trial) => {
    const partition = await trial.partition()
    const first = await trial.append(partition, 'a', 'b', 'c', 'd')
    const reader = trial.log.createReader()
    reader.assign(partition, first + 2)
    await until('the batch', async () => {
      const [fetched] = await reader.poll()
      if (fetched === undefined || fetched.batches.length === 0) return false
      expect(fetched).toMatchObject({ ...partition, from: first + 2 })
      expect(fetched.batches[0]!.baseOffset).toBeLessThanOrEqual(first + 2)
      expect(fetched.position).toBeGreaterThan(first + 3)
      expect(reader.position(partition)).toBe(fetched.position)
      return true
    })
    reader.seek(partition, first + 3)
    expect(values(await take(reader, 1))).toEqual(['d'])
  },
  'seeks back and forth': async (trial) => {
    const partition = await trial.partition()
    const offsets: number[] = []
    for (const value of ['a', 'b', 'c']) offsets.push(await trial.append(partition, value))
    const reader = trial.reader(partition)
    expect(values(await take(reader, 3))).toEqual(['a', 'b', 'c'])
    reader.seek(partition, offsets[1]!)
    expect(reader.position(partition)).toBe(offsets[1])
    expect(values(await take(reader, 2))).toEqual(['b', 'c'])
    reader.seek(partition, 0)
    reader.seek(partition, offsets[2]!)
    expect(values(await take(reader, 1))).toEqual(['c'])
    reader.assign(partition, offsets[0]!)
    expect(values(await take(reader, 3))).toEqual(['a', 'b', 'c'])
  },
  'waits at a position above the end': async (trial) => {
    const partition = await trial.partition()
    await trial.append(partition, 'a')
    const end = await trial.end(partition)
    const reader = trial.log.createReader()
    reader.assign(partition, end)
    const next = take(reader, 1)
    await trial.append(partition, 'b')
    expect(values(await next)).toEqual(['b'])
  },
  'skips a paused partition until it is resumed': async (trial) => {
    const [one, other] = await trial.twoPartitions()
    const reader = trial.reader(one, other)
    reader.pause(one)
    reader.pause(one)
    await trial.append(one, 'paused')
    await trial.append(other, 'read')
    expect(values(await take(reader, 1))).toEqual(['read'])
    const waiting = take(reader, 1)
    reader.resume(one)
    reader.resume(one)
    expect(values(await waiting)).toEqual(['paused'])
  },
  'stops reading a partition that is unassigned': async (trial) => {
    const [one, other] = await trial.twoPartitions()
    const reader = trial.reader(one, other)
    await trial.append(one, 'a')
    reader.unassign(one)
    reader.unassign(one)
    reader.unassign({ topic: trial.name('nowhere'), partition: 0 })
    await trial.append(other, 'b')
    expect(values(await take(reader, 1))).toEqual(['b'])
    expect(() => reader.position(one)).toThrow(NotAssignedError)
    expect(() => reader.seek(one, 0)).toThrow(NotAssignedError)
    reader.pause(one)
    reader.resume(one)
  },
  'takes a partition into a poll that waits already': async (trial) => {
    const [one, other] = await trial.twoPartitions()
    await trial.append(other, 'b')
    const reader = trial.reader(one)
    const waiting = take(reader, 1)
    reader.assign(other, 0)
    expect(values(await waiting)).toEqual(['b'])
  },
  'ends a waiting poll with nothing when it is woken, and reads on': async (trial) => {
    const partition = await trial.partition()
    const reader = trial.reader(partition)
    const woken = reader.poll()
    reader.wake()
    expect(await woken).toEqual([])
    reader.wake()
    await trial.append(partition, 'a')
    expect(values(await take(reader, 1))).toEqual(['a'])
  },
  'sleeps through neither a wake nor a resume, whenever it comes after the poll began': async (trial) => {
    const partition = await trial.partition()
    await trial.append(partition, 'a')
    for (let turns = 0; turns < 12; turns++) {
      const reader = trial.reader(partition)
      reader.pause(partition)
      const woken = reader.poll()
      for (let turn = 0; turn < turns; turn++) await Promise.resolve()
      reader.wake()
      expect(await woken).toEqual([])
      const resumed = take(reader, 1)
      for (let turn = 0; turn < turns; turn++) await Promise.resolve()
      reader.resume(partition)
      expect(values(await resumed)).toEqual(['a'])
    }
  },
  'waits in a poll of no partition until it is woken': async (trial) => {
    const reader = trial.log.createReader()
    const waiting = reader.poll()
    reader.wake()
    expect(await waiting).toEqual([])
  },
  'serves every partition while one has far more to read': async (trial) => {
    const [long, ...short] = await trial.topic(4)
    const value = 'x'.repeat(50_000)
    for (let count = 0; count < 20; count++) await trial.append(long!, value, value)
    await trial.log.commit({ batches: short.map((partition) => staged(partition, 'short')) })
    const reader = trial.reader(long!, ...short)
    const seen = new Set<number>()
    let longRecords = 0
    await until('the short partitions', async () => {
      for (const record of await poll(reader, { maxBytes: 100_000 })) {
        if (record.partition === long!.partition) longRecords++
        else seen.add(record.partition)
      }
      return seen.size === short.length
    })
    expect(longRecords).toBeLessThan(40)
  },
  'serves every partition in turn while one could fill every poll': async (trial) => {
    const [long, short] = await trial.twoPartitions()
    const value = 'x'.repeat(1_000_000)
    for (let count = 0; count < 12; count++) await trial.append(long, value)
    await trial.append(short, 'short')
    const reader = trial.reader(long, short)
    let longRecords = 0
    await until('the short partition', async () => {
      const records = await poll(reader, { maxBytes: 16 * 1024 * 1024 })
      longRecords += records.filter(({ partition }) => partition === long.partition).length
      return records.some(({ partition }) => partition === short.partition)
    })
    expect(longRecords).toBeLessThan(12)
  },
  'delivers a batch that is larger than the bound': async (trial) => {
    const partition = await trial.partition()
    await trial.append(partition, 'x'.repeat(200_000))
    await trial.append(partition, 'y')
    const reader = trial.reader(partition)
    const sizes: (number | undefined)[] = []
    await until('both records', async () => {
      sizes.push(...(await poll(reader, { maxBytes: 1000 })).map(({ value }) => value?.length))
      return sizes.length === 2
    })
    expect(sizes).toEqual([200_000, 1])
  },
  'ends a waiting poll when the reader is closed, and refuses the next one': async (trial) => {
    const partition = await trial.partition()
    const reader = trial.reader(partition)
    const waiting = reader.poll()
    await reader.close()
    expect(await waiting).toEqual([])
    await reader.close()
    await expect(reader.poll()).rejects.toThrow(LogClosedError)
    expect(() => reader.assign(partition, 0)).toThrow(LogClosedError)
  },
}
