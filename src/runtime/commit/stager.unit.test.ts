import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Topic } from '../../log/log.ts'
import { RecordBatch } from '../../log/records/record-batch.ts'
import { partitionOfKey } from '../../topics/partitioner.ts'
import type { OutputMessage } from './output.ts'
import { KeylessRotation, Stager } from './stager.ts'

const topicOf = (name: string, partitions: number): Topic => ({
  name,
  id: name,
  partitions,
  retention: {},
  compacted: false,
  created: false,
})
const topics = new Map([topicOf('one', 1), topicOf('six', 6)].map((topic) => [topic.name, topic]))
const message = (topic: string, key: string | null, value: string | null): OutputMessage => ({
  topic,
  key,
  value,
  headers: [],
  timestampMs: 0,
})
const newStager = (rotation = new KeylessRotation()) => new Stager((name) => topics.get(name), rotation)

function valuesOf(bytes: Buffer): (string | null)[] {
  const cursor = RecordBatch.parse(bytes, { verifyChecksum: false }).records()
  const values: (string | null)[] = []
  while (cursor.next()) values.push(cursor.valueText())
  return values
}

describe('the stager', () => {
  it('puts each keyed record where its key belongs, in the order of the calls', () => {
    const keys = fc.array(fc.tuple(fc.constantFrom('one', 'six'), fc.string()), { maxLength: 60 })
    fc.assert(
      fc.property(keys, (list) => {
        const stager = newStager()
        const wanted = new Map<string, string[]>()
        list.forEach(([topic, key], index) => {
          const partition = stager.add(message(topic, key, `${index}`))
          expect(partition).toBe(partitionOfKey(key, topics.get(topic)!.partitions))
          const place = `${topic}/${partition}`
          wanted.set(place, [...(wanted.get(place) ?? []), `${index}`])
        })
        const staged = stager.take()
        expect(new Map(staged.map((one) => [`${one.topic}/${one.partition}`, valuesOf(one.batch.bytes)]))).toEqual(
          wanted,
        )
        expect(staged.length).toBe(wanted.size)
        expect(stager.take()).toEqual([])
      }),
    )
  })

  it('closes a batch before it is too large for a broker, and keeps the order of the batches', () => {
    const stager = newStager()
    const value = 'x'.repeat(400_000)
    for (let index = 0; index < 5; index++) stager.add(message('one', 'k', `${index}${value}`))
    const batches = stager.take().map(({ batch }) => valuesOf(batch.bytes).map((text) => text?.[0]))
    expect(batches).toEqual([
      ['0', '1', '2'],
      ['3', '4'],
    ])
  })

  it('names a topic that was not ensured', () => {
    expect(() => newStager().add(message('unknown', null, ''))).toThrow("topic 'unknown' was not ensured")
  })
})

describe('the rotation of records without a key', () => {
  const six = topics.get('six')!

  it('fills one partition for a while, then takes the next', () => {
    const rotation = new KeylessRotation()
    const partitions = Array.from({ length: 64 * 7 }, () => rotation.next(six))
    const runs = partitions.filter((partition, index) => partition !== partitions[index - 1])
    expect(runs).toEqual([0, 1, 2, 3, 4, 5, 0])
    for (const partition of [1, 2, 3, 4, 5]) expect(partitions.filter((one) => one === partition).length).toBe(64)
  })

  it('begins each unit with the next partition, so that single records are spread', () => {
    const rotation = new KeylessRotation()
    const partitions = Array.from({ length: 12 }, () => {
      const partition = rotation.next(six)
      rotation.endUnit()
      return partition
    })
    expect(partitions).toEqual([0, 1, 2, 3, 4, 5, 0, 1, 2, 3, 4, 5])
  })
})
