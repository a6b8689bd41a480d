import { expect } from 'vitest'
import type { Behaviours } from './harness.ts'
import { take, values } from './harness.ts'

export const offsets: Behaviours = {
  'starts and ends an empty partition at 0': async (trial) => {
    const partition = await trial.partition()
    expect(await trial.log.offsets('start', [partition])).toEqual([0])
    expect(await trial.log.offsets('end', [partition])).toEqual([0])
  },
  'ends past the last record, and answers in the order that was asked': async (trial) => {
    const [one, other] = await trial.twoPartitions()
    const last = await trial.append(one, 'a', 'b', 'c')
    const [otherEnd, oneEnd] = await trial.log.offsets('end', [other, one])
    expect(otherEnd).toBe(0)
    expect(oneEnd).toBeGreaterThan(last + 2)
    expect(await trial.log.offsets('start', [one])).toEqual([0])
  },
  'finds the first offset at or after a time, within batches that are not in order of time': async (trial) => {
    const partition = await trial.partition()
    const at = (seconds: number) => ({ timestampMs: 1_700_000_000_000 + seconds * 1000, value: `${seconds}` })
    const first = await trial.append(partition, at(10), at(20), at(15))
    const second = await trial.append(partition, at(12), at(40))
    const third = await trial.append(partition, at(30), at(50), at(50))
    const find = async (seconds: number) => {
      const [offset] = await trial.log.offsets(new Date(at(seconds).timestampMs), [partition])
      return offset
    }
    expect(await find(0)).toBe(first)
    expect(await find(10)).toBe(first)
    expect(await find(11)).toBe(first + 1)
    expect(await find(20)).toBe(first + 1)
    expect(await find(21)).toBe(second + 1)
    expect(await find(40)).toBe(second + 1)
    expect(await find(41)).toBe(third + 1)
    expect(await find(50)).toBe(third + 1)
    expect(await find(51)).toBe(await trial.end(partition))
  },
  'finds a time among many batches': async (trial) => {
    const partition = await trial.partition()
    const offsets: number[] = []
    for (let number = 0; number < 30; number++) {
      offsets.push(await trial.append(partition, { timestampMs: 1_700_000_000_000 + number * 1000, value: 'x' }))
    }
    for (const number of [0, 1, 13, 28, 29]) {
      const time = new Date(1_700_000_000_000 + number * 1000 - 500)
      expect(await trial.log.offsets(time, [partition])).toEqual([offsets[number]])
    }
  },
  'reads on from an offset found by time': async (trial) => {
    const partition = await trial.partition()
    await trial.append(partition, { timestampMs: 1_700_000_000_000, value: 'old' })
    await trial.append(partition, { timestampMs: 1_700_000_100_000, value: 'new' })
    const [position] = await trial.log.offsets(new Date(1_700_000_050_000), [partition])
    const reader = trial.log.createReader()
    reader.assign(partition, position!)
    expect(values(await take(reader, 1))).toEqual(['new'])
  },
}
