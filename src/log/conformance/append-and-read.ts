import { expect } from 'vitest'
import type { Behaviours } from './harness.ts'
import { poll, staged, take, values } from './harness.ts'
import { until } from './until.ts'

export const appendAndRead: Behaviours = {
  'keeps the order of a partition, with offsets that rise': async (trial) => {
    const partition = await trial.partition()
    const offsets: number[] = []
    for (const value of ['a', 'b', 'c', 'd']) offsets.push(await trial.append(partition, value, `${value}2`))
    const records = await trial.readAll(partition)
    expect(values(records)).toEqual(['a', 'a2', 'b', 'b2', 'c', 'c2', 'd', 'd2'])
    const read = records.map(({ offset }) => offset)
    expect(read).toEqual([...new Set(read)].sort((one, other) => one - other))
    expect(offsets).toEqual(records.filter(({ value }) => value?.length === 1).map(({ offset }) => offset))
  },
  'returns the offset of the first record of each batch of a unit, in their order': async (trial) => {
    const partitions = await trial.twoPartitions()
    const [one, other] = partitions
    const batches = [staged(one, 'a', 'b'), staged(other, 'c'), staged(one, 'd'), staged(other, 'e', 'f')]
    const offsets = await trial.log.commit({ batches })
    const records = await trial.readAll(one, other)
    const first = ['a', 'c', 'd', 'e'].map((value) => records.find((record) => record.value === value)?.offset)
    expect(offsets).toEqual(first)
  },
  'tells each of many appends at once its own offsets': async (trial) => {
    const partitions = await trial.topic(3)
    const appends = Array.from({ length: 60 }, (_, number) => ({ partition: partitions[number % 3]!, number }))
    const offsets = await Promise.all(
      appends.map(({ partition, number }) => trial.append(partition, `${number}`, `${number}+`)),
    )
    const records = await trial.readAll(...partitions)
    expect(records).toHaveLength(120)
    for (const { partition, number } of appends) {
      const record = records.find(({ value }) => value === `${number}`)
      expect(record).toMatchObject({ ...partition, offset: offsets[number] })
      const next = records.find(({ value }) => value === `${number}+`)
      expect(next?.offset).toBe(offsets[number]! + 1)
    }
  },
  'keeps the order in which one caller made appends without waiting': async (trial) => {
    const partition = await trial.partition()
    const expected = Array.from({ length: 40 }, (_, number) => `${number}`)
    const offsets = await Promise.all(expected.map((value) => trial.append(partition, value)))
    expect(values(await trial.readAll(partition))).toEqual(expected)
    expect(offsets).toEqual([...offsets].sort((one, other) => one - other))
  },
  'keeps null and empty keys and values apart': async (trial) => {
    const partition = await trial.partition()
    await trial.append(
      partition,
      { key: null, value: null },
      { key: '', value: '' },
      { key: 'k', value: null },
      { key: null, value: 'v' },
      { key: new Uint8Array(), value: new Uint8Array([104, 105]) },
    )
    const records = await trial.readAll(partition)
    expect(records.map(({ key, value }) => [key, value])).toEqual([
      [null, null],
      ['', ''],
      ['k', null],
      [null, 'v'],
      ['', 'hi'],
    ])
  },
  'keeps headers in order, repeated names and null values included': async (trial) => {
    const partition = await trial.partition()
    const headers = [
      ['trace', 'one'],
      ['trace', 'two'],
      ['empty', ''],
      ['none', null],
      ['größe', '東京'],
      ['trace', 'one'],
    ] as const
    await trial.append(partition, { value: 'with', headers }, { value: 'without' })
    const [withHeaders, without] = await trial.readAll(partition)
    expect(withHeaders?.headers).toEqual(headers)
    expect(without?.headers).toEqual([])
  },
  'keeps timestamps as they were given, falling ones too': async (trial) => {
    const partition = await trial.partition()
    const times = [1_700_000_000_000, 1_699_999_999_999, 0, 4_102_444_800_000]
    await trial.append(partition, ...times.map((timestampMs) => ({ timestampMs, value: 'x' })))
    expect((await trial.readAll(partition)).map(({ timestampMs }) => timestampMs)).toEqual(times)
  },
  'takes records from 1 byte to 8 MB': async (trial) => {
    const partition = await trial.partition()
    const sizes = [1, 100, 65_536, 1_048_576, 8 * 1024 * 1024]
    for (const size of sizes) await trial.append(partition, { value: Buffer.alloc(size, `${size}|`) })
    const reader = trial.reader(partition)
    for (const size of sizes) {
      const [record] = await take(reader, 1)
      expect(record?.value?.length).toBe(size)
      expect(record?.value === Buffer.alloc(size, `${size}|`).toString()).toBe(true)
      reader.seek(partition, record!.offset + 1)
    }
  },
  'takes the same batch more than once': async (trial) => {
    const [one, other] = await trial.twoPartitions()
    const { batch } = staged(one, 'a', 'b')
    const both = [
      { ...one, batch },
      { ...other, batch },
    ]
    await trial.log.commit({ batches: both })
    await trial.log.commit({ batches: both })
    for (const partition of [one, other]) {
      const records = await trial.readAll(partition)
      expect(values(records)).toEqual(['a', 'b', 'a', 'b'])
      const offsets = records.map(({ offset }) => offset)
      expect(offsets).toEqual([...new Set(offsets)].sort((low, high) => low - high))
    }
  },
  'delivers what is appended while a poll waits': async (trial) => {
    const partition = await trial.partition()
    const reader = trial.reader(partition)
    const polled = take(reader, 1)
    await trial.append(partition, 'late')
    expect(values(await polled)).toEqual(['late'])
  },
  'shows a record to every reader': async (trial) => {
    const partition = await trial.partition()
    const readers = [trial.reader(partition), trial.reader(partition)]
    await trial.append(partition, 'a')
    for (const reader of readers) expect(values(await take(reader, 1))).toEqual(['a'])
  },
  'reaches the end position even when no record stands before it': async (trial) => {
    const partition = await trial.partition()
    await trial.append(partition, 'a')
    await trial.append(partition, 'b')
    const end = await trial.end(partition)
    const reader = trial.reader(partition)
    await until('the reader to be at the end', async () => {
      if (reader.position(partition) < end) await poll(reader)
      return reader.position(partition) === end
    })
  },
}
