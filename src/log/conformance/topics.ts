import { expect } from 'vitest'
import { InvalidOptionsError } from '../../core/faults.ts'
import { InvalidNameError, TopicClashError, UnknownTopicError } from '../errors.ts'
import type { Behaviours } from './harness.ts'
import { staged } from './harness.ts'
import { rejection } from './until.ts'

export const topics: Behaviours = {
  'creates a topic with its partition count, and says that it did': async (trial) => {
    const name = trial.name('orders')
    const [topic] = await trial.log.ensureTopics([{ name, partitions: 3, exact: true, compacted: true }])
    expect(topic).toMatchObject({ name, partitions: 3, created: true, compacted: true })
    expect(topic?.id).toMatch(/.+/)
    const listed = (await trial.log.topics()).find((each) => each.name === name)
    expect(listed).toEqual({ ...topic, created: false })
    expect(await trial.log.offsets('end', [{ topic: name, partition: 2 }])).toEqual([0])
  },
  'uses an existing topic as it is when the count was not asked for': async (trial) => {
    const name = trial.name('orders')
    const [created] = await trial.log.ensureTopics([{ name, partitions: 3, exact: true }])
    const again = await trial.log.ensureTopics([{ name, partitions: 6, exact: false }])
    expect(again).toEqual([{ ...created, created: false }])
  },
  'reports all clashing counts at once and creates nothing then': async (trial) => {
    const [one, two, three] = [trial.name('one'), trial.name('two'), trial.name('three')]
    await trial.log.ensureTopics([
      { name: one, partitions: 1, exact: true },
      { name: two, partitions: 2, exact: true },
    ])
    const clash = await rejection(
      trial.log.ensureTopics([
        { name: three, partitions: 3, exact: true },
        { name: one, partitions: 4, exact: true },
        { name: two, partitions: 5, exact: true },
      ]),
    )
    expect(clash).toBeInstanceOf(TopicClashError)
    expect(String(clash)).toContain(`'${one}' has 1 partitions, 4 were asked for`)
    expect(String(clash)).toContain(`'${two}' has 2 partitions, 5 were asked for`)
    expect((await trial.log.topics()).map(({ name }) => name)).not.toContain(three)
  },
  'keeps records for ever unless a retention was asked for': async (trial) => {
    const [kept, bounded] = [trial.name('kept'), trial.name('bounded')]
    const retention = { timeMs: 60_000, bytes: 1_000_000 }
    await trial.log.ensureTopics([
      { name: kept, partitions: 1, exact: true },
      { name: bounded, partitions: 1, exact: true, retention },
    ])
    const retentionOf = async (name: string) =>
      (await trial.log.topics()).find((topic) => topic.name === name)?.retention
    expect(await retentionOf(kept)).toEqual({})
    expect(await retentionOf(bounded)).toEqual(retention)
  },
  'changes the retention of a topic to the one asked for, and leaves it when none is': async (trial) => {
    const name = trial.name('orders')
    const ensure = async (retention?: { timeMs?: number; bytes?: number }) => {
      const asked = { name, partitions: 1, exact: true, ...(retention === undefined ? {} : { retention }) }
      const [topic] = await trial.log.ensureTopics([asked])
      return topic?.retention
    }
    expect(await ensure({ timeMs: 5000 })).toEqual({ timeMs: 5000 })
    expect(await ensure()).toEqual({ timeMs: 5000 })
    expect(await ensure({ bytes: 7 })).toEqual({ bytes: 7 })
    expect(await ensure({})).toEqual({})
    expect(await ensure()).toEqual({})
  },
  'refuses to make a topic compacted, or not compacted, that is otherwise': async (trial) => {
    const [plain, compacted] = [trial.name('plain'), trial.name('compacted')]
    const ask = (name: string, options: object) => ({ name, partitions: 1, exact: true, ...options })
    await trial.log.ensureTopics([ask(plain, {}), ask(compacted, { compacted: true })])
    const both = [ask(plain, { compacted: true, retention: { bytes: 9 } }), ask(compacted, { compacted: false })]
    const clash = await rejection(trial.log.ensureTopics(both))
    expect(clash).toBeInstanceOf(TopicClashError)
    expect(String(clash)).toContain(`'${plain}' is not compacted, a compacted one was asked for`)
    expect(String(clash)).toContain(`'${compacted}' is compacted, one that is not was asked for`)
    const [same, other] = await trial.log.ensureTopics([ask(plain, { compacted: false }), ask(compacted, {})])
    expect([same?.compacted, same?.retention, other?.compacted]).toEqual([false, {}, true])
  },
  'refuses a retention that is no limit, and creates nothing then': async (trial) => {
    const name = trial.name('orders')
    for (const limit of [0, -1, 1.5, Number.NaN]) {
      for (const retention of [{ timeMs: limit }, { bytes: limit }]) {
        const error = await rejection(trial.log.ensureTopics([{ name, partitions: 1, exact: true, retention }]))
        expect(error).toBeInstanceOf(InvalidOptionsError)
      }
    }
    expect((await trial.log.topics()).map((topic) => topic.name)).not.toContain(name)
  },
  'creates a topic once when it is asked for twice at the same time': async (trial) => {
    const specification = { name: trial.name('orders'), partitions: 2, exact: true }
    const [[one], [other]] = await Promise.all([
      trial.log.ensureTopics([specification]),
      trial.log.ensureTopics([specification]),
    ])
    expect(one?.id).toBe(other?.id)
  },
  'refuses a name or a count that no topic can have': async (trial) => {
    const ensure = (name: string, partitions: number) => trial.log.ensureTopics([{ name, partitions, exact: true }])
    for (const name of ['', '.', '..', 'a b', 'ä', 'x'.repeat(250)]) {
      await expect(ensure(name, 1), name).rejects.toThrow(InvalidNameError)
    }
    for (const partitions of [0, -1, 1.5, Number.NaN]) {
      await expect(ensure(trial.name('orders'), partitions), String(partitions)).rejects.toThrow(InvalidOptionsError)
    }
  },
  'names the topic or partition that it does not have': async (trial) => {
    const { log } = trial
    const { topic } = await trial.partition()
    const unknown = { topic: trial.name('nowhere'), partition: 0 }
    const listener = { assigned() {}, revoked() {}, lost() {}, failed() {} }
    for (const call of [
      () => log.commit({ batches: [staged(unknown, 'a')] }),
      () => log.commit({ offsets: { group: 'g', offsets: [{ ...unknown, position: 0, metadata: '' }] } }),
      () => log.join({ group: trial.name('group'), topics: [unknown.topic], listener }),
      () => log.committed('g', [unknown]),
      () => log.offsets('start', [unknown]),
    ]) {
      const error = await rejection(call())
      expect(error).toBeInstanceOf(UnknownTopicError)
      expect(String(error)).toContain(unknown.topic)
    }
    const reader = log.createReader()
    expect(() => reader.assign(unknown, 0)).toThrow(UnknownTopicError)
    expect(() => reader.assign({ topic, partition: 1 }, 0)).toThrow(`Topic '${topic}' has no partition 1`)
    expect(await rejection(log.offsets('end', [{ topic, partition: 1 }]))).toBeInstanceOf(UnknownTopicError)
  },
}
