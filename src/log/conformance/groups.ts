import { expect } from 'vitest'
import { InvalidNameError, UnknownTopicError } from '../errors.ts'
import type { Lease, TopicPartition } from '../log.ts'
import type { Behaviours } from './harness.ts'
import { place, staged, type TestMember, take, values } from './harness.ts'
import { rejection, until } from './until.ts'

/** Waits until the members hold all partitions, each with one of them, as evenly as can be. */
async function balanced(members: readonly TestMember[], partitions: readonly TopicPartition[]): Promise<void> {
  await until('the partitions to be shared out', () => {
    const sizes = members.map(({ held }) => held.size)
    const all = members.flatMap(({ held }) => [...held.keys()])
    return all.length === partitions.length && Math.max(...sizes) - Math.min(...sizes) <= 1
  })
  const held = members.flatMap((member) => [...member.held.keys()]).sort()
  expect(held).toEqual(partitions.map(place).sort())
}
const epochs = (member: TestMember) => new Map([...member.held].map(([key, { epoch }]) => [key, epoch]))

export const groups: Behaviours = {
  'gives a lone member every partition of its topics': async (trial) => {
    const partitions = [...(await trial.topic(3)), ...(await trial.topic(2))]
    const topics = [...new Set(partitions.map(({ topic }) => topic))]
    const member = await trial.join(trial.name('group'), topics)
    await balanced([member], partitions)
    expect(member.member.leases.map(place).sort()).toEqual(partitions.map(place).sort())
    expect(member.member.id).not.toBe('')
  },
  'gives every group all partitions, and so all records': async (trial) => {
    const partitions = await trial.topic(2)
    await trial.log.commit({ batches: partitions.map((partition) => staged(partition, `${partition.partition}`)) })
    for (const group of [trial.name('group'), trial.name('group')]) {
      const member = await trial.join(group, [partitions[0]!.topic])
      await balanced([member], partitions)
      const reader = trial.reader(...member.member.leases)
      expect(values(await take(reader, 2)).sort()).toEqual(['0', '1'])
    }
  },
  'gives each record of a group to one member': async (trial) => {
    const partitions = await trial.topic(4)
    const group = trial.name('group')
    const members = await Promise.all([1, 2].map(() => trial.join(group, [partitions[0]!.topic])))
    await balanced(members, partitions)
    await trial.log.commit({ batches: partitions.map((partition) => staged(partition, place(partition))) })
    const seen = await Promise.all(members.map(({ held }) => take(trial.reader(...held.values()), held.size)))
    expect(seen.flatMap(values).sort()).toEqual(partitions.map(place).sort())
  },
  'moves only what a newcomer is due, under a new epoch': async (trial) => {
    const partitions = await trial.topic(6)
    const group = trial.name('group')
    const topics = [partitions[0]!.topic]
    const first = await trial.join(group, topics)
    const second = await trial.join(group, topics)
    await balanced([first, second], partitions)
    const before = new Map([...epochs(first), ...epochs(second)])
    const third = await trial.join(group, topics)
    await balanced([first, second, third], partitions)
    for (const member of [first, second]) {
      for (const [key, epoch] of epochs(member)) expect(epoch, key).toBe(before.get(key))
    }
    for (const [key, epoch] of epochs(third)) expect(epoch, key).not.toBe(before.get(key))
  },
  'waits for the revoke before a partition moves, and takes commits meanwhile': async (trial) => {
    const partitions = await trial.topic(2)
    const group = trial.name('group')
    const gate = Promise.withResolvers<void>()
    let revoking: readonly Lease[] = []
    const first = await trial.join(group, [partitions[0]!.topic], {
      revoked: async (leases) => {
        revoking = leases
        await gate.promise
        const offsets = leases.map((lease) => ({ ...lease, position: 4, metadata: 'last words' }))
        await trial.log.commit({ offsets: { group, member: first.member, offsets } })
      },
    })
    const seen: unknown[] = []
    const joining = trial.join(group, [partitions[0]!.topic], {
      assigned: async (leases) => {
        seen.push(...(await trial.log.committed(group, leases)))
      },
    })
    await until('the revoke', () => revoking.length > 0)
    // Commits that take their time show that the other one is not let in before.
    for (const position of [1, 2]) {
      const offsets = revoking.map((lease) => ({ ...lease, position, metadata: '' }))
      await trial.log.commit({ offsets: { group, member: first.member, offsets } })
    }
    expect(seen).toEqual([])
    gate.resolve()
    await balanced([first, await joining], partitions)
    expect(seen).toEqual([{ position: 4, metadata: 'last words' }])
  },
  'moves the partitions of a member that leaves, after its revoke': async (trial) => {
    const partitions = await trial.topic(3)
    const group = trial.name('group')
    const first = await trial.join(group, [partitions[0]!.topic])
    const second = await trial.join(group, [partitions[0]!.topic])
    await balanced([first, second], partitions)
    const kept = epochs(second)
    await first.member.leave()
    await first.member.leave()
    expect(first.held.size).toBe(0)
    expect(first.member.leases).toEqual([])
    expect(first.told.at(-1)).toMatch(/^revoked/)
    await balanced([second], partitions)
    for (const [key, epoch] of kept) expect(epochs(second).get(key)).toBe(epoch)
  },
  'lets a member wait that gets no partition': async (trial) => {
    const partition = await trial.partition()
    const group = trial.name('group')
    const first = await trial.join(group, [partition.topic])
    const second = await trial.join(group, [partition.topic])
    expect(first.held.size + second.held.size).toBe(1)
    const [owner, other] = first.held.size === 1 ? [first, second] : [second, first]
    await owner.member.leave()
    await balanced([other], [partition])
  },
  'gives each topic only to members that asked for it': async (trial) => {
    const [one, other] = [await trial.topic(2), await trial.topic(2)]
    const group = trial.name('group')
    const first = await trial.join(group, [one[0]!.topic])
    const second = await trial.join(group, [other[0]!.topic])
    await balanced([first], one)
    await balanced([second], other)
  },
  'settles when many join and leave at once': async (trial) => {
    const partitions = await trial.topic(8)
    const group = trial.name('group')
    const topics = [partitions[0]!.topic]
    const members = await Promise.all(Array.from({ length: 5 }, () => trial.join(group, topics)))
    const [leaving, staying] = [members.slice(0, 3), members.slice(3)]
    const [newcomer] = await Promise.all([trial.join(group, topics), ...leaving.map(({ member }) => member.leave())])
    await balanced([...staying, newcomer], partitions)
  },
  'rejects the join of a member whose listener fails, and moves its partitions on': async (trial) => {
    const partitions = await trial.topic(2)
    const group = trial.name('group')
    let failed = false
    const joining = trial.join(group, [partitions[0]!.topic], {
      assigned: () => Promise.reject(new Error('no room')),
      failed: () => {
        failed = true
      },
    })
    expect(String(await rejection(joining))).toContain('no room')
    expect(failed).toBe(false)
    const next = await trial.join(group, [partitions[0]!.topic])
    await balanced([next], partitions)
  },
  'ends a membership whose revoke fails, and moves its partitions on': async (trial) => {
    const partitions = await trial.topic(2)
    const group = trial.name('group')
    const first = await trial.join(group, [partitions[0]!.topic], {
      revoked: () => Promise.reject(new Error('cannot finish')),
    })
    const second = await trial.join(group, [partitions[0]!.topic])
    await balanced([second], partitions)
    await until('the failure', () => first.failure !== undefined)
    expect(String(first.failure)).toContain('cannot finish')
    await first.member.leave()
  },
  'refuses a group name that Kafka refuses and a topic there is not': async (trial) => {
    const { topic } = await trial.partition()
    expect(await rejection(trial.join('', [topic]))).toBeInstanceOf(InvalidNameError)
    expect(await rejection(trial.join(trial.name('group'), [topic, trial.name('nowhere')]))).toBeInstanceOf(
      UnknownTopicError,
    )
  },
}
