import { expect } from 'vitest'
import { InvalidOptionsError } from '../../core/faults.ts'
import { UnknownTopicError } from '../errors.ts'
import type { Behaviours } from './harness.ts'
import { place, poll, staged, take, values } from './harness.ts'
import { rejection } from './until.ts'

export const admin: Behaviours = {
  'describes the partitions of topics, with what they hold': async (trial) => {
    const [one, other] = await trial.twoPartitions()
    const single = await trial.partition()
    await trial.append(other, 'a', 'b')
    await trial.append(other, 'x'.repeat(10_000))
    const end = await trial.end(other)
    const described = await trial.log.describePartitions([single.topic, one.topic])
    expect(described.map(place)).toEqual([single, one, other].map(place))
    expect(described.map(({ start }) => start)).toEqual([0, 0, 0])
    expect(described.map((partition) => partition.end)).toEqual([0, 0, end])
    expect(described.map(({ sizeBytes }) => sizeBytes)).toEqual([0, 0, expect.any(Number)])
    expect(described[2]?.sizeBytes).toBeGreaterThan(10_000)
    expect(described[2]?.sizeBytes).toBeLessThan(12_000)
    expect(await rejection(trial.log.describePartitions([trial.name('nowhere')]))).toBeInstanceOf(UnknownTopicError)
  },
  'describes a group by its members and by its offsets': async (trial) => {
    const [one, other] = await trial.twoPartitions()
    const group = trial.name('group')
    const { member } = await trial.join(group, [one.topic])
    await trial.log.commit({ offsets: { group, offsets: [{ ...other, position: 7, metadata: 'm' }] } })
    const [described] = await trial.log.describeGroups([group])
    expect(described?.members).toMatchObject([{ id: member.id, topics: [one.topic] }])
    expect(described?.members[0]?.process).toContain(String(process.pid))
    expect(described?.members[0]?.partitions.map(place).sort()).toEqual([place(one), place(other)])
    expect(described?.offsets).toEqual([{ ...other, position: 7, metadata: 'm' }])
    await member.leave()
    expect(await trial.log.describeGroups([group])).toEqual([{ ...described, members: [] }])
  },
  'describes groups in the order asked, unknown ones as empty, and all without being asked': async (trial) => {
    const partition = await trial.partition()
    const [joined, committed, unknown] = [trial.name('group'), trial.name('group'), trial.name('group')]
    await trial.join(joined, [partition.topic])
    const offset = { ...partition, position: 0, metadata: '' }
    await trial.log.commit({ offsets: { group: committed, offsets: [offset] } })
    const asked = await trial.log.describeGroups([unknown, committed, joined])
    expect(asked.map(({ group }) => group)).toEqual([unknown, committed, joined])
    expect(asked[0]).toEqual({ group: unknown, members: [], offsets: [] })
    const all = (await trial.log.describeGroups()).map(({ group }) => group)
    expect(all).toEqual([...all].sort())
    expect(all).toEqual(expect.arrayContaining([joined, committed]))
    expect(all).not.toContain(unknown)
  },
  'deletes records below an offset, and starts there': async (trial) => {
    const [partition, untouched] = await trial.twoPartitions()
    const offsets: number[] = []
    for (const value of ['a', 'b', 'c', 'd']) offsets.push(await trial.append(partition, value))
    await trial.append(untouched, 'kept')
    const before = offsets[2]!
    expect(await trial.log.deleteRecords([{ ...partition, before }])).toEqual([before])
    expect(await trial.log.offsets('start', [partition, untouched])).toEqual([before, 0])
    expect(values(await trial.readAll(partition, untouched))).toEqual(['c', 'd', 'kept'])
    expect(await trial.log.deleteRecords([{ ...partition, before: 0 }])).toEqual([before])
    const [described] = await trial.log.describePartitions([partition.topic])
    expect(described).toMatchObject({ start: before, end: await trial.end(partition) })
  },
  'deletes records in the middle of a batch': async (trial) => {
    const partition = await trial.partition()
    const at = (seconds: number, value: string) => ({ timestampMs: 1_700_000_000_000 + seconds * 1000, value })
    const first = await trial.append(partition, at(1, 'a'), at(5, 'b'), at(3, 'c'))
    await trial.append(partition, at(4, 'd'))
    const before = first + 2
    expect(await trial.log.deleteRecords([{ ...partition, before }])).toEqual([before])
    expect(values(await trial.readAll(partition))).toEqual(['c', 'd'])
    // The records before it are gone for those who look by time as well.
    expect(await trial.log.offsets(new Date(1_700_000_000_000), [partition])).toEqual([before])
  },
  'deletes everything when the offset is above the end, and goes on': async (trial) => {
    const partition = await trial.partition()
    await trial.append(partition, 'a', 'b')
    const end = await trial.end(partition)
    expect(await trial.log.deleteRecords([{ ...partition, before: end + 100 }])).toEqual([end])
    expect(await trial.log.offsets('start', [partition])).toEqual([end])
    expect(await trial.end(partition)).toBe(end)
    expect((await trial.log.describePartitions([partition.topic]))[0]).toMatchObject({ sizeBytes: 0 })
    expect(await trial.append(partition, 'c')).toBeGreaterThanOrEqual(end)
    expect(values(await trial.readAll(partition))).toEqual(['c'])
  },
  'lets a reader whose position was deleted go on at the new start': async (trial) => {
    const partition = await trial.partition()
    await trial.append(partition, 'a', 'b')
    const reader = trial.reader(partition)
    expect(values(await take(reader, 2))).toEqual(['a', 'b'])
    const slow = trial.reader(partition)
    await trial.append(partition, 'c', 'd')
    const last = await trial.append(partition, 'e')
    await trial.log.deleteRecords([{ ...partition, before: last }])
    expect(values(await poll(slow))).toEqual(['e'])
    expect(values(await poll(reader))).toEqual(['e'])
    reader.seek(partition, 0)
    expect(reader.position(partition)).toBe(last)
  },
  'keeps a committed position that lies below the start': async (trial) => {
    const partition = await trial.partition()
    await trial.append(partition, 'a', 'b', 'c')
    const group = trial.name('group')
    await trial.log.commit({ offsets: { group, offsets: [{ ...partition, position: 1, metadata: '' }] } })
    const [start] = await trial.log.deleteRecords([{ ...partition, before: 2 }])
    const committed = await trial.committed(group, partition)
    expect(committed?.position).toBe(1)
    const reader = trial.log.createReader()
    reader.assign(partition, committed!.position)
    expect(reader.position(partition)).toBe(start)
    expect(values(await take(reader, 1))).toEqual(['c'])
  },
  'refuses to delete records of what there is not, and deletes nothing then': async (trial) => {
    const partition = await trial.partition()
    await trial.append(partition, 'a')
    const unknown = { topic: trial.name('nowhere'), partition: 0, before: 1 }
    const error = await rejection(trial.log.deleteRecords([{ ...partition, before: 1 }, unknown]))
    expect(error).toBeInstanceOf(UnknownTopicError)
    for (const before of [-1, 0.5, Number.NaN]) {
      expect(await rejection(trial.log.deleteRecords([{ ...partition, before }]))).toBeInstanceOf(InvalidOptionsError)
    }
    expect(values(await trial.readAll(partition))).toEqual(['a'])
  },
  'keeps what was deleted deleted after it was closed': async (trial) => {
    const [partition, emptied] = await trial.twoPartitions()
    await trial.append(partition, 'a', 'b', 'c')
    await trial.append(emptied, 'a')
    const ends = await trial.log.offsets('end', [partition, emptied])
    const asked = [
      { ...partition, before: 1 },
      { ...emptied, before: ends[1]! },
    ]
    const starts = await trial.log.deleteRecords(asked)
    const described = await trial.log.describePartitions([partition.topic])
    await trial.reopen()
    expect(await trial.log.offsets('start', [partition, emptied])).toEqual(starts)
    expect(await trial.log.offsets('end', [partition, emptied])).toEqual(ends)
    expect(await trial.log.describePartitions([partition.topic])).toEqual(described)
    expect(values(await trial.readAll(partition, emptied))).toEqual(['b', 'c'])
    await trial.log.commit({ batches: [staged(emptied, 'next')] })
    expect(values(await trial.readAll(emptied))).toEqual(['next'])
  },
  'finds nothing bad in a log that is well, and says what it looked at': async (trial) => {
    const partition = await trial.partition()
    const { member } = await trial.join(trial.name('group'), [partition.topic])
    const findings = await trial.log.diagnose()
    expect(findings.filter(({ verdict }) => verdict === 'bad')).toEqual([])
    expect(findings.map(({ subject }) => subject)).toContain(`member ${member.id}`)
    for (const { subject, value, verdict, advice } of findings) {
      expect(subject).not.toBe('')
      expect(value).not.toBe('')
      if (verdict !== 'good') expect(advice, subject).toMatch(/.+/)
    }
  },
}
