import { expect } from 'vitest'
import { FencedError } from '../errors.ts'
import type { Lease, TopicPartition } from '../log.ts'
import type { Behaviours } from './harness.ts'
import { staged, type TestMember, type Trial, values } from './harness.ts'
import { rejection, until } from './until.ts'

/** A unit that appends `value` to `output` and commits a position for the lease. */
function work(trial: Trial, options: { member: TestMember; lease: Lease; output: TopicPartition; value: string }) {
  const { member, lease, output, value } = options
  return trial.log.commit({
    batches: [staged(output, value)],
    offsets: {
      group: member.member.group,
      member: member.member,
      offsets: [{ ...lease, position: 1, metadata: value }],
    },
  })
}
function onlyLease(member: TestMember): Lease {
  const [lease] = member.member.leases
  expect(lease).toBeDefined()
  return lease!
}

export const fencing: Behaviours = {
  'takes a unit of a member that holds the partition': async (trial) => {
    const [input, output] = [await trial.partition(), await trial.partition()]
    const member = await trial.join(trial.name('group'), [input.topic])
    await work(trial, { member, lease: onlyLease(member), output, value: 'a' })
    expect(values(await trial.readAll(output))).toEqual(['a'])
    expect(await trial.committed(member.member.group, input)).toEqual({ position: 1, metadata: 'a' })
  },
  'fences a member that has left, and writes nothing of its unit': async (trial) => {
    const [input, output] = [await trial.partition(), await trial.partition()]
    const member = await trial.join(trial.name('group'), [input.topic])
    const lease = onlyLease(member)
    await member.member.leave()
    const error = await rejection(work(trial, { member, lease, output, value: 'zombie' }))
    expect(error).toBeInstanceOf(FencedError)
    expect(String(error)).toContain(`${input.topic}/0`)
    expect(await trial.readAll(output)).toEqual([])
    expect(await trial.committed(member.member.group, input)).toBeUndefined()
  },
  'fences the lease of a partition that moved, and takes the new one': async (trial) => {
    const inputs = await trial.topic(2)
    const output = await trial.partition()
    const group = trial.name('group')
    const first = await trial.join(group, [inputs[0]!.topic])
    const before = new Map(first.held)
    const second = await trial.join(group, [inputs[0]!.topic])
    await until('each to have one', () => first.held.size === 1 && second.held.size === 1)
    const [moved] = [...before].filter(([place]) => !first.held.has(place)).map(([, lease]) => lease)
    expect(await rejection(work(trial, { member: first, lease: moved!, output, value: 'zombie' }))).toBeInstanceOf(
      FencedError,
    )
    await work(trial, { member: second, lease: onlyLease(second), output, value: 'new' })
    await work(trial, { member: first, lease: onlyLease(first), output, value: 'kept' })
    expect(values(await trial.readAll(output))).toEqual(['new', 'kept'])
  },
  'fences the old lease of a partition that the same member lost and got back': async (trial) => {
    const inputs = await trial.topic(2)
    const output = await trial.partition()
    const group = trial.name('group')
    const first = await trial.join(group, [inputs[0]!.topic])
    const before = new Map(first.held)
    const second = await trial.join(group, [inputs[0]!.topic])
    await until('the second to have one', () => second.held.size === 1)
    const place = [...second.held.keys()][0]!
    await second.member.leave()
    await until('the first to have it back', () => first.held.size === 2)
    const old = before.get(place)!
    const regained = first.held.get(place)!
    expect(regained.epoch).not.toBe(old.epoch)
    expect(await rejection(work(trial, { member: first, lease: old, output, value: 'old' }))).toBeInstanceOf(
      FencedError,
    )
    await work(trial, { member: first, lease: regained, output, value: 'regained' })
    expect(values(await trial.readAll(output))).toEqual(['regained'])
  },
  'rolls back a fenced unit alone among those that are committed at once': async (trial) => {
    const [input, output] = [await trial.partition(), await trial.partition()]
    const group = trial.name('group')
    const zombie = await trial.join(group, [input.topic])
    const lease = onlyLease(zombie)
    await zombie.member.leave()
    const member = await trial.join(group, [input.topic])
    const outcomes = await Promise.allSettled([
      trial.append(output, 'one'),
      work(trial, { member: zombie, lease, output, value: 'zombie' }),
      work(trial, { member, lease: onlyLease(member), output, value: 'two' }),
      trial.append(output, 'three'),
    ])
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled', 'fulfilled'])
    expect(values(await trial.readAll(output)).sort()).toEqual(['one', 'three', 'two'])
    expect(await trial.committed(group, input)).toEqual({ position: 1, metadata: 'two' })
  },
  'fences a whole unit when one of its leases has ended': async (trial) => {
    const inputs = await trial.topic(2)
    const group = trial.name('group')
    const first = await trial.join(group, [inputs[0]!.topic])
    const before = [...first.held.values()]
    const second = await trial.join(group, [inputs[0]!.topic])
    await until('each to have one', () => first.held.size === 1 && second.held.size === 1)
    const offsets = before.map((lease) => ({ ...lease, position: 7, metadata: '' }))
    const unit = { offsets: { group, member: first.member, offsets } }
    expect(await rejection(trial.log.commit(unit))).toBeInstanceOf(FencedError)
    expect(await trial.log.committed(group, inputs)).toEqual([undefined, undefined])
  },
  'fences nothing of a group without members': async (trial) => {
    const input = await trial.partition()
    const group = trial.name('group')
    for (const position of [3, 1]) {
      await trial.log.commit({ offsets: { group, offsets: [{ ...input, position, metadata: '' }] } })
    }
    expect((await trial.committed(group, input))?.position).toBe(1)
  },
}
