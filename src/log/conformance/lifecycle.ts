import { expect } from 'vitest'
import { LogClosedError } from '../errors.ts'
import type { Behaviours } from './harness.ts'
import { staged, type TestMember, values } from './harness.ts'
import { rejection } from './until.ts'

export const lifecycle: Behaviours = {
  'ends a waiting poll with nothing when it is closed': async (trial) => {
    const reader = trial.reader(await trial.partition())
    const waiting = reader.poll()
    await trial.log.close()
    expect(await waiting).toEqual([])
  },
  'refuses every use after it is closed': async (trial) => {
    const { log } = trial
    const partition = await trial.partition()
    const reader = trial.reader(partition)
    await log.close()
    const listener = { assigned() {}, revoked() {}, lost() {}, failed() {} }
    const uses: (() => unknown)[] = [
      () => log.ensureTopics([]),
      () => log.topics(),
      () => log.commit({ batches: [staged(partition, 'a')] }),
      () => log.createReader(),
      () => log.join({ group: 'group', topics: [partition.topic], listener }),
      () => log.committed('group', [partition]),
      () => log.offsets('end', [partition]),
      () => log.describePartitions([partition.topic]),
      () => log.describeGroups(),
      () => log.deleteRecords([{ ...partition, before: 0 }]),
      () => log.diagnose(),
      () => reader.poll(),
      () => reader.assign(partition, 0),
      () => reader.seek(partition, 0),
    ]
    for (const use of uses) {
      expect(await rejection((async () => await use())()), String(use)).toBeInstanceOf(LogClosedError)
    }
    reader.unassign(partition)
    reader.wake()
    await reader.close()
  },
  'may be closed more than once': async (trial) => {
    await Promise.all([trial.log.close(), trial.log.close()])
    await trial.log.close()
    await trial.log[Symbol.asyncDispose]()
  },
  'finishes the commits that were made before it is closed': async (trial) => {
    const partition = await trial.partition()
    const appends = [trial.append(partition, 'a'), trial.append(partition, 'b')]
    await trial.log.close()
    expect(await Promise.all(appends)).toHaveLength(2)
  },
  'revokes what its members hold when it is closed, and takes their last commits': async (trial) => {
    const [input, output] = [await trial.partition(), await trial.partition()]
    const group = trial.name('group')
    const committed: unknown[] = []
    const member: TestMember = await trial.join(group, [input.topic], {
      revoked: async (leases) => {
        const offsets = leases.map((lease) => ({ ...lease, position: 3, metadata: '' }))
        await trial.log.commit({
          batches: [staged(output, 'last')],
          offsets: { group, member: member.member, offsets },
        })
        committed.push(...(await trial.log.committed(group, leases)))
      },
    })
    await trial.log.close()
    expect(committed).toEqual([{ position: 3, metadata: '' }])
    expect(member.held.size).toBe(0)
    await member.member.leave()
  },
  'keeps topics, records and committed offsets while it is closed': async (trial) => {
    const partitions = await trial.twoPartitions()
    const [one, other] = partitions
    const group = trial.name('group')
    await trial.append(one, 'a', 'b')
    await trial.append(other, { key: 'k', value: null, headers: [['h', null]] })
    await trial.log.commit({ offsets: { group, offsets: [{ ...one, position: 1, metadata: 'm' }] } })
    const read = () => Promise.all([trial.readAll(one), trial.readAll(other), trial.log.offsets('end', partitions)])
    const before = await read()
    const { id } = trial.log
    const topicsBefore = (await trial.log.topics()).filter(({ name }) => name === one.topic)
    await trial.reopen()
    expect(trial.log.id).toBe(id)
    expect(await read()).toEqual(before)
    expect((await trial.log.topics()).filter(({ name }) => name === one.topic)).toEqual(topicsBefore)
    expect(await trial.log.committed(group, partitions)).toEqual([{ position: 1, metadata: 'm' }, undefined])
    const next = await trial.append(one, 'c')
    expect(next).toBeGreaterThanOrEqual(before[2][0]!)
    expect(values(await trial.readAll(one))).toEqual(['a', 'b', 'c'])
  },
  'gives a partition another epoch after it was closed': async (trial) => {
    const partition = await trial.partition()
    const group = trial.name('group')
    const first = await trial.join(group, [partition.topic])
    const [before] = first.member.leases
    await trial.reopen()
    const second = await trial.join(group, [partition.topic])
    expect(second.member.leases[0]?.epoch).not.toBe(before!.epoch)
  },
}
