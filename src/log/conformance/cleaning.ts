import { expect } from 'vitest'
import type { Reader, TopicPartition } from '../log.ts'
import type { Behaviours, Trial } from './harness.ts'
import { place, poll, take, values } from './harness.ts'
import { until } from './until.ts'

const longAgoMs = 1_600_000_000_000
const dayMs = 86_400_000
const old = (value: string) => ({ timestampMs: longAgoMs, value })
const entry = (key: string, value: string | null) => ({ timestampMs: longAgoMs, key, value })

function untilStart(trial: Trial, partition: TopicPartition, least: number): Promise<void> {
  return until(`${place(partition)} to start at ${least}`, async () => {
    const [start] = await trial.log.offsets('start', [partition])
    return start! >= least
  })
}
/** What is left of each key, in order: `apple=3`. */
async function entries(trial: Trial, partition: TopicPartition): Promise<string[]> {
  return (await trial.readAll(partition)).map(({ key, value }) => `${key}=${value}`)
}
function untilEntries(trial: Trial, partition: TopicPartition, expected: readonly string[]): Promise<void> {
  return until(`${place(partition)} to hold ${expected.join(', ')}`, async () => {
    return (await entries(trial, partition)).join() === expected.join()
  })
}

async function untilAtEnd(trial: Trial, reader: Reader, partition: TopicPartition): Promise<void> {
  const end = await trial.end(partition)
  await until('a reader to be at the end', async () => {
    if (reader.position(partition) < end) await poll(reader)
    return reader.position(partition) === end
  })
}

/** Engines under test clean often and at once; old records have been old for years. */
export const cleaning: Behaviours = {
  'deletes records that are older than the retention, and keeps the others': async (trial) => {
    const [partition] = await trial.topic(1, { retention: { timeMs: dayMs } })
    const [kept] = await trial.topic(1)
    await trial.append(kept!, old('a'))
    await trial.append(partition!, old('a'), old('b'))
    await trial.append(partition!, old('c'))
    const first = await trial.append(partition!, { timestampMs: Date.now(), value: 'd' }, old('e'))
    await trial.append(partition!, { timestampMs: Date.now(), value: 'f' })
    await untilStart(trial, partition!, first)
    expect(values(await trial.readAll(partition!))).toEqual(['d', 'e', 'f'])
    expect(await trial.log.offsets('start', [partition!, kept!])).toEqual([first, 0])
    expect(values(await trial.readAll(kept!))).toEqual(['a'])
  },
  'deletes the oldest records of each partition beyond the bytes that are kept': async (trial) => {
    const [full, small] = await trial.topic(2, { retention: { bytes: 50_000 } })
    const offsets: number[] = []
    for (let count = 0; count < 10; count++) offsets.push(await trial.append(full!, old(`${count}`.repeat(20_000))))
    await trial.append(small!, old('a'))
    await untilStart(trial, full!, offsets[7]!)
    expect(await trial.log.offsets('start', [full!, small!])).toEqual([offsets[7], 0])
    expect((await trial.readAll(full!)).map(({ value }) => value?.[0])).toEqual(['7', '8', '9'])
    const [described] = await trial.log.describePartitions([full!.topic])
    expect(described?.sizeBytes).toBeGreaterThanOrEqual(50_000)
    expect(described?.sizeBytes).toBeLessThan(70_000)
  },
  'goes by the retention that was asked for last': async (trial) => {
    const partition = await trial.partition()
    await trial.append(partition, old('a'))
    const retention = { timeMs: dayMs }
    await trial.log.ensureTopics([{ name: partition.topic, partitions: 1, exact: true, retention }])
    await untilStart(trial, partition, await trial.end(partition))
    expect(await trial.readAll(partition)).toEqual([])
    await trial.log.ensureTopics([{ name: partition.topic, partitions: 1, exact: true, retention: {} }])
    await trial.append(partition, old('b'))
    // Another topic is cleaned after that: so this one was looked at as well.
    const [other] = await trial.topic(1, { retention })
    await trial.append(other!, old('c'))
    await untilStart(trial, other!, await trial.end(other!))
    expect(values(await trial.readAll(partition))).toEqual(['b'])
  },
  'lets readers go on behind what retention deletes': async (trial) => {
    const [partition] = await trial.topic(1, { retention: { timeMs: dayMs } })
    const reader = trial.reader(partition!)
    await trial.append(partition!, old('a'))
    await untilStart(trial, partition!, await trial.end(partition!))
    await trial.append(partition!, { timestampMs: Date.now(), value: 'b' })
    expect(values(await take(reader, 1)).at(-1)).toBe('b')
    await untilAtEnd(trial, reader, partition!)
  },
  'keeps the last value of each key of a compacted topic, with its offset': async (trial) => {
    const partition = await trial.partition({ compacted: true })
    await trial.append(partition, entry('apple', '1'), entry('pear', '1'), entry('apple', '2'))
    await trial.append(partition, entry('fig', '1'), entry('', 'empty'))
    const last = await trial.append(partition, entry('apple', '3'), entry('pear', '2'), entry('', 'again'))
    await trial.append(partition, entry('end', '1'))
    const before = await trial.readAll(partition)
    await untilEntries(trial, partition, ['fig=1', 'apple=3', 'pear=2', '=again', 'end=1'])
    const after = await trial.readAll(partition)
    expect(after).toEqual(before.filter(({ key, offset }) => offset >= last || key === 'fig'))
    expect(await trial.log.offsets('start', [partition])).toEqual([0])
  },
  'keeps tombstones for a time when the values before them are gone': async (trial) => {
    const partition = await trial.partition({ compacted: true })
    await trial.append(partition, entry('apple', '1'), entry('pear', '1'))
    await trial.append(partition, entry('apple', null))
    await trial.append(partition, entry('fig', null), entry('fig', '2'))
    await trial.append(partition, entry('end', '1'))
    await untilEntries(trial, partition, ['pear=1', 'apple=null', 'fig=2', 'end=1'])
  },
  'passes what compaction removed: positions reach the end': async (trial) => {
    const partition = await trial.partition({ compacted: true })
    const slow = trial.reader(partition)
    const seconds: number[] = []
    for (let count = 0; count < 20; count++) {
      await trial.append(partition, entry('a', `${count}`))
      seconds.push(await trial.append(partition, entry('b', `${count}`)))
    }
    await trial.append(partition, entry('end', '1'))
    await untilEntries(trial, partition, ['a=19', 'b=19', 'end=1'])
    await untilAtEnd(trial, slow, partition)
    const group = trial.name('group')
    await trial.log.commit({ offsets: { group, offsets: [{ ...partition, position: seconds[3]!, metadata: '' }] } })
    slow.seek(partition, (await trial.committed(group, partition))!.position)
    expect(values(await take(slow, 3))).toEqual(['19', '19', '1'])
  },
  'keeps compacting what is appended, and goes on after it was closed': async (trial) => {
    const partition = await trial.partition({ compacted: true })
    for (const round of ['1', '2']) {
      await trial.append(partition, entry('a', round), entry('b', round))
      await trial.append(partition, entry(`end${round}`, ''))
      await untilEntries(trial, partition, [
        ...(round === '1' ? [] : ['end1=']),
        `a=${round}`,
        `b=${round}`,
        `end${round}=`,
      ])
    }
    const before = await trial.readAll(partition)
    const described = await trial.log.describePartitions([partition.topic])
    await trial.reopen()
    expect(await trial.readAll(partition)).toEqual(before)
    expect(await trial.log.describePartitions([partition.topic])).toEqual(described)
    await trial.append(partition, entry('b', '3'))
    await trial.append(partition, entry('end3', ''))
    await untilEntries(trial, partition, ['end1=', 'a=2', 'end2=', 'b=3', 'end3='])
  },
}
