import { expect } from 'vitest'
import { FencedError, TopicClashError } from '../errors.ts'
import type { TopicPartition } from '../log.ts'
import type { Behaviours, TestMember, Trial } from './harness.ts'
import { place, staged, take, values } from './harness.ts'
import { rejection, until } from './until.ts'

/** Waits until the members hold all partitions, as evenly as can be, each with one of them. */
async function sharedOut(members: readonly TestMember[], partitions: readonly TopicPartition[]): Promise<void> {
  await until('the partitions to be shared out', () => {
    const sizes = members.map(({ held }) => held.size)
    const all = members.flatMap(({ held }) => [...held.keys()])
    return all.length === partitions.length && Math.max(...sizes) - Math.min(...sizes) <= 1
  })
  expect(members.flatMap(({ held }) => [...held.keys()]).sort()).toEqual(partitions.map(place).sort())
}
/** Two members of one group, in a log each, that share the partitions of a topic. */
async function twoMembers(trial: Trial, partitions: readonly TopicPartition[]) {
  const other = await trial.another()
  const group = trial.name('group')
  const topics = [partitions[0]!.topic]
  const first = await trial.join(group, topics)
  const second = await other.join(group, topics)
  await sharedOut([first, second], partitions)
  return { other, group, topics, first, second }
}

/** What holds when several have the log open at once, as processes do. */
export const several: Behaviours = {
  'shows a commit of one to a reader of another that waits for it': async (trial) => {
    const partition = await trial.partition()
    const other = await trial.another()
    const reader = other.reader(partition)
    const polled = take(reader, 3)
    await trial.append(partition, 'a')
    await other.append(partition, 'b')
    await trial.append(partition, 'c')
    expect(values(await polled)).toEqual(['a', 'b', 'c'])
  },
  'answers with what another has committed before': async (trial) => {
    const partition = await trial.partition()
    const other = await trial.another()
    const group = trial.name('group')
    for (let round = 1; round <= 5; round++) {
      const offset = await trial.append(partition, `${round}`)
      expect(await other.end(partition)).toBeGreaterThan(offset)
      await other.log.commit({ offsets: { group, offsets: [{ ...partition, position: round, metadata: '' }] } })
      expect(await trial.committed(group, partition)).toEqual({ position: round, metadata: '' })
    }
    expect(values(await other.readAll(partition))).toEqual(['1', '2', '3', '4', '5'])
  },
  'gives every record an offset of its own, whoever commits it': async (trial) => {
    const partition = await trial.partition()
    const other = await trial.another()
    const appends = Array.from({ length: 60 }, (_, index) => (index % 2 ? other : trial).append(partition, `${index}`))
    const offsets = await Promise.all(appends)
    expect(new Set(offsets).size).toBe(60)
    const seen = await trial.readAll(partition)
    expect(seen.map(({ offset }) => offset)).toEqual(offsets.toSorted((one, next) => one - next))
    expect(await other.readAll(partition)).toEqual(seen)
    for (const { offset, value } of seen) expect(offset).toBe(offsets[Number(value)])
  },
  'finds the topics that another made, and clashes with them': async (trial) => {
    const other = await trial.another()
    const partitions = await trial.topic(3)
    const name = partitions[0]!.topic
    expect(await other.log.ensureTopics([{ name, partitions: 3, exact: true }])).toMatchObject([{ created: false }])
    expect((await other.log.topics()).some((topic) => topic.name === name)).toBe(true)
    const clash = other.log.ensureTopics([{ name, partitions: 4, exact: true }])
    expect(await rejection(clash)).toBeInstanceOf(TopicClashError)
  },
  'makes a topic once when several ask for it at the same time': async (trial) => {
    const others = [trial, await trial.another(), await trial.another()]
    const name = trial.name('topic')
    const made = await Promise.all(others.map(({ log }) => log.ensureTopics([{ name, partitions: 2, exact: true }])))
    expect(made.flat().filter(({ created }) => created)).toHaveLength(1)
    expect(new Set(made.flat().map(({ id }) => id)).size).toBe(1)
  },
  'shares the partitions of a group among the members of all, and each record goes to one': async (trial) => {
    const partitions = await trial.topic(4)
    const { other, first, second } = await twoMembers(trial, partitions)
    await trial.log.commit({ batches: partitions.map((partition) => staged(partition, place(partition))) })
    const seen = await Promise.all([
      take(trial.reader(...first.held.values()), 2),
      take(other.reader(...second.held.values()), 2),
    ])
    expect(seen.flatMap(values).sort()).toEqual(partitions.map(place).sort())
  },
  'waits for the revoke of a member elsewhere, and takes its last commits over': async (trial) => {
    const partitions = await trial.topic(2)
    const other = await trial.another()
    const group = trial.name('group')
    const topics = [partitions[0]!.topic]
    const gate = Promise.withResolvers<void>()
    const first: TestMember = await trial.join(group, topics, {
      revoked: async (leases) => {
        await gate.promise
        const offsets = leases.map((lease) => ({ ...lease, position: 4, metadata: 'last words' }))
        await trial.log.commit({ offsets: { group, member: first.member, offsets } })
      },
    })
    const seen: unknown[] = []
    const second = await other.join(group, topics, {
      assigned: async (leases) => {
        seen.push(...(await other.log.committed(group, leases)))
      },
    })
    await until('the revoke', () => first.told.some((told) => told.startsWith('revoked')))
    for (const value of ['a', 'b']) await other.append(partitions[0]!, value)
    expect(seen).toEqual([])
    gate.resolve()
    await sharedOut([first, second], partitions)
    await until('what the newcomer finds', () => seen.length > 0)
    expect(seen).toEqual([{ position: 4, metadata: 'last words' }])
  },
  'fences the old lease of a partition that moved elsewhere, in both': async (trial) => {
    const partitions = await trial.topic(2)
    const other = await trial.another()
    const output = await trial.partition()
    const group = trial.name('group')
    const first = await trial.join(group, [partitions[0]!.topic])
    const before = [...first.held.values()]
    const second = await other.join(group, [partitions[0]!.topic])
    await sharedOut([first, second], partitions)
    const moved = before.find((lease) => !first.held.has(place(lease)))!
    const commit = (by: Trial, member: TestMember, lease: typeof moved) =>
      by.log.commit({
        batches: [staged(output, 'x')],
        offsets: { group, member: member.member, offsets: [{ ...lease, position: 1, metadata: '' }] },
      })
    expect(await rejection(commit(trial, first, moved))).toBeInstanceOf(FencedError)
    const lease = second.held.get(place(moved))!
    expect(lease.epoch).toBeGreaterThan(moved.epoch)
    await commit(other, second, lease)
    expect(await trial.readAll(output)).toHaveLength(1)
  },
  'gives the partitions of one that is closed to the others, under new epochs': async (trial) => {
    const partitions = await trial.topic(5)
    const { other, first, second } = await twoMembers(trial, partitions)
    const kept = new Map([...first.held].map(([key, { epoch }]) => [key, epoch]))
    const closing = [...second.held.values()]
    await other.log.close()
    expect(second.held.size).toBe(0)
    await sharedOut([first], partitions)
    for (const [key, { epoch }] of first.held) if (kept.has(key)) expect(epoch).toBe(kept.get(key))
    for (const lease of closing) expect(first.held.get(place(lease))!.epoch).toBeGreaterThan(lease.epoch)
  },
  'gives partition n of all topics of a group to one member': async (trial) => {
    const [one, two] = [await trial.topic(4), await trial.topic(3)]
    const other = await trial.another()
    const group = trial.name('group')
    const topics = [one[0]!.topic, two[0]!.topic]
    const members = [await trial.join(group, topics), await other.join(group, topics)]
    await until('all to be taken', () => members[0]!.held.size + members[1]!.held.size === 7)
    await until('each to have some', () => members.every(({ held }) => held.size >= 3))
    for (const { held } of members) {
      for (const { topic, partition } of held.values()) {
        if (topic === two[0]!.topic) expect(held.has(place(one[partition]!))).toBe(true)
      }
    }
  },
  'describes the members of all': async (trial) => {
    const partitions = await trial.topic(2)
    const { other, group, first, second } = await twoMembers(trial, partitions)
    for (const each of [trial, other]) {
      const [described] = await each.log.describeGroups([group])
      expect(described!.members.map(({ id }) => id)).toEqual([first.member.id, second.member.id])
      expect(described!.members.flatMap((member) => member.partitions.map(place)).sort()).toEqual(
        partitions.map(place).sort(),
      )
    }
  },
}
