import { expect } from 'vitest'
import { KeyRequiredError, MetadataTooLargeError, UnknownTopicError } from '../errors.ts'
import type { Behaviours } from './harness.ts'
import { staged, take, values } from './harness.ts'
import { rejection } from './until.ts'

export const commits: Behaviours = {
  'keeps a committed position with its metadata, by group': async (trial) => {
    const [one, other] = await trial.twoPartitions()
    const group = trial.name('group')
    expect(await trial.log.committed(group, [one, other])).toEqual([undefined, undefined])
    const metadata = 'finished: 7-9, größer 東京'
    await trial.log.commit({ offsets: { group, offsets: [{ ...one, position: 5, metadata }] } })
    expect(await trial.log.committed(group, [other, one])).toEqual([undefined, { position: 5, metadata }])
    expect(await trial.log.committed(trial.name('group'), [one])).toEqual([undefined])
    await trial.log.commit({ offsets: { group, offsets: [{ ...one, position: 3, metadata: '' }] } })
    expect(await trial.committed(group, one)).toEqual({ position: 3, metadata: '' })
  },
  'resumes at the committed position': async (trial) => {
    const partition = await trial.partition()
    await trial.append(partition, 'a', 'b')
    const reader = trial.reader(partition)
    await take(reader, 2)
    const group = trial.name('group')
    const position = reader.position(partition)
    await trial.log.commit({ offsets: { group, offsets: [{ ...partition, position, metadata: '' }] } })
    await trial.append(partition, 'c')
    const resumed = trial.log.createReader()
    resumed.assign(partition, (await trial.committed(group, partition))!.position)
    expect(values(await take(resumed, 1))).toEqual(['c'])
  },
  'leaves no lag when the position that was reached is committed': async (trial) => {
    const partition = await trial.partition()
    await trial.append(partition, 'a')
    await trial.append(partition, 'b')
    const group = trial.name('group')
    const lag = async () => (await trial.end(partition)) - ((await trial.committed(group, partition))?.position ?? 0)
    expect(await lag()).toBeGreaterThanOrEqual(2)
    const position = await trial.end(partition)
    await trial.log.commit({ offsets: { group, offsets: [{ ...partition, position, metadata: '' }] } })
    expect(await lag()).toBe(0)
    await trial.append(partition, 'c')
    expect(await lag()).toBeGreaterThanOrEqual(1)
  },
  'commits records of several topics and offsets together': async (trial) => {
    const input = await trial.partition()
    const outputs = await trial.topic(2)
    const group = trial.name('group')
    await trial.log.commit({
      batches: outputs.map((output) => staged(output, 'out')),
      offsets: { group, offsets: [{ ...input, position: 1, metadata: 'm' }] },
    })
    expect(values(await trial.readAll(...outputs))).toEqual(['out', 'out'])
    expect(await trial.committed(group, input)).toEqual({ position: 1, metadata: 'm' })
  },
  'writes nothing of a unit that names a partition there is not': async (trial) => {
    const partition = await trial.partition()
    const unknown = { topic: trial.name('nowhere'), partition: 0 }
    const group = trial.name('group')
    const error = await rejection(
      trial.log.commit({
        batches: [staged(partition, 'a'), staged(unknown, 'b')],
        offsets: { group, offsets: [{ ...partition, position: 1, metadata: '' }] },
      }),
    )
    expect(error).toBeInstanceOf(UnknownTopicError)
    expect(await trial.readAll(partition)).toEqual([])
    expect(await trial.committed(group, partition)).toBeUndefined()
  },
  'refuses metadata over 4,096 bytes and writes nothing of its unit': async (trial) => {
    const partition = await trial.partition()
    const group = trial.name('group')
    const commit = (metadata: string) =>
      trial.log.commit({
        batches: [staged(partition, 'a')],
        offsets: { group, offsets: [{ ...partition, position: 1, metadata }] },
      })
    expect(await rejection(commit('é'.repeat(2049)))).toBeInstanceOf(MetadataTooLargeError)
    expect(await trial.readAll(partition)).toEqual([])
    expect(await trial.committed(group, partition)).toBeUndefined()
    await commit('é'.repeat(2048))
    expect((await trial.committed(group, partition))?.metadata).toBe('é'.repeat(2048))
  },
  'refuses a record without a key on a compacted topic and writes nothing of its unit': async (trial) => {
    const compacted = await trial.partition({ compacted: true })
    const plain = await trial.partition()
    const batches = [staged(plain, 'a'), staged(compacted, { key: 'k', value: 'v' }, { key: null, value: 'v' })]
    expect(await rejection(trial.log.commit({ batches }))).toBeInstanceOf(KeyRequiredError)
    expect(await trial.readAll(plain, compacted)).toEqual([])
    await trial.append(compacted, { key: 'k', value: null }, { key: '', value: 'v' })
    expect(values(await trial.readAll(compacted))).toEqual([null, 'v'])
  },
  'takes a unit of nothing': async (trial) => {
    expect(await trial.log.commit({})).toEqual([])
  },
}
