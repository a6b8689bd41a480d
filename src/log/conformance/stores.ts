import { expect } from 'vitest'
import { FencedError, UnknownTopicError } from '../errors.ts'
import type { StoreEntry, StoreRange, TopicPartition } from '../log.ts'
import type { Behaviours, Trial } from './harness.ts'
import { staged } from './harness.ts'
import { rejection } from './until.ts'

/** Which store of which group, by partition. */
export interface StorePlace extends TopicPartition {
  readonly group: string
  readonly store: string
}
/** Whatever keeps stores: a log, or the database that a component commits to. */
export interface StoreAccess {
  /** Two partitions of one topic, and of another. */
  readonly partitions: readonly [one: TopicPartition, other: TopicPartition, ofAnotherTopic: TopicPartition]
  /** A group or store that no other test uses. */
  name(what: string): string
  /** Commits the changes as one unit. */
  write(
    place: StorePlace,
    writes: readonly (readonly [string | Uint8Array, string | Uint8Array | null])[],
  ): Promise<void>
  read(range: StoreRange): Promise<readonly StoreEntry[]>
}
/** A title, a sentence in the present tense, and what shows it. */
export type StoreBehaviours = Readonly<Record<string, (access: StoreAccess) => Promise<void>>>

const everything = { from: new Uint8Array(), limit: 1000 }
const bytes = (content: string | Uint8Array) => (typeof content === 'string' ? Buffer.from(content) : content)
const show = (entries: readonly StoreEntry[]) =>
  entries.map((entry) => entry.map((each) => Buffer.from(each).toString()).join('='))

/** What a store is, wherever it is kept. */
export const storeBehaviours: StoreBehaviours = {
  'reads nothing of a store that was never written': async ({ partitions, name, read }) => {
    const place = { ...partitions[0], group: name('group'), store: 'timers' }
    expect(await read({ ...place, ...everything })).toEqual([])
  },
  'reads what was written, in the order of the bytes of the keys': async ({ partitions, name, write, read }) => {
    const place = { ...partitions[0], group: name('group'), store: 'timers' }
    const keys = [[255], [0], [], [0, 0], [127, 255], [128], [1, 2], [1], [195, 169]]
    await write(
      place,
      keys.map((key) => [Uint8Array.from(key), `${key}`]),
    )
    const found = (await read({ ...place, ...everything })).map(([key, value]) => [
      [...key],
      Buffer.from(value).toString(),
    ])
    const sorted = keys.toSorted((one, other) => Buffer.compare(Buffer.from(one), Buffer.from(other)))
    expect(found).toEqual(sorted.map((key) => [key, `${key}`]))
  },
  'reads a range from its first key up to and without its last, and at most so many': async (access) => {
    const { partitions, name, write, read } = access
    const place = { ...partitions[0], group: name('group'), store: 'timers' }
    await write(
      place,
      ['a', 'b', 'ba', 'c', 'd'].map((key) => [key, key.toUpperCase()]),
    )
    const range = async (from: string, to: string | undefined, limit = 100) => {
      const end = to === undefined ? {} : { to: bytes(to) }
      return show(await read({ ...place, from: bytes(from), ...end, limit })).map((entry) => entry.split('=')[0])
    }
    expect(await range('b', 'd')).toEqual(['b', 'ba', 'c'])
    expect(await range('bb', undefined)).toEqual(['c', 'd'])
    expect(await range('', 'a')).toEqual([])
    expect(await range('', 'b')).toEqual(['a'])
    expect(await range('c', 'b')).toEqual([])
    expect(await range('', undefined, 2)).toEqual(['a', 'b'])
    expect(await range('b', 'd', 1)).toEqual(['b'])
    expect(await range('', undefined, 0)).toEqual([])
  },
  'replaces values, removes keys by null, and applies changes in their order': async (access) => {
    const { partitions, name, write, read } = access
    const place = { ...partitions[0], group: name('group'), store: 'timers' }
    await write(place, [
      ['a', '1'],
      ['b', '1'],
      ['c', '1'],
    ])
    await write(place, [
      ['b', null],
      ['a', '2'],
      ['nothing', null],
    ])
    expect(show(await read({ ...place, ...everything }))).toEqual(['a=2', 'c=1'])
    await write(place, [
      ['d', '1'],
      ['d', null],
      ['c', null],
      ['c', '3'],
      ['a', '3'],
      ['a', '4'],
    ])
    expect(show(await read({ ...place, ...everything }))).toEqual(['a=4', 'c=3'])
  },
  'keeps an empty value apart from none': async ({ partitions, name, write, read }) => {
    const place = { ...partitions[0], group: name('group'), store: 'timers' }
    await write(place, [
      ['a', new Uint8Array()],
      ['b', 'x'],
      ['b', null],
    ])
    const found = await read({ ...place, ...everything })
    expect(found).toHaveLength(1)
    expect(found[0]?.[1].length).toBe(0)
  },
  'keeps groups, stores, partitions and topics apart': async ({ partitions, name, write, read }) => {
    const [group, other] = [name('group'), name('group')]
    const places = [
      ...partitions.map((partition) => ({ ...partition, group, store: 'timers' })),
      { ...partitions[0], group: other, store: 'timers' },
      { ...partitions[0], group, store: 'parked' },
    ]
    for (const [index, place] of places.entries()) await write(place, [['key', `${index}`]])
    await write(places[0]!, [['key', null]])
    const found = await Promise.all(places.map(async (place) => show(await read({ ...place, ...everything }))))
    expect(found).toEqual([[], ['key=1'], ['key=2'], ['key=3'], ['key=4']])
  },
  'keeps values of megabytes and keys of kilobytes': async ({ partitions, name, write, read }) => {
    const place = { ...partitions[0], group: name('group'), store: 'timers' }
    const [key, value] = [Buffer.alloc(3000, 'k'), Buffer.alloc(5_000_000, 'value ')]
    await write(place, [
      [key, value],
      ['small', '1'],
    ])
    const found = await read({ ...place, ...everything })
    expect(found).toHaveLength(2)
    expect(Buffer.compare(found[0]![0], key)).toBe(0)
    expect(Buffer.compare(found[0]![1], value)).toBe(0)
  },
  'keeps thousands of keys, read in pages': async ({ partitions, name, write, read }) => {
    const place = { ...partitions[0], group: name('group'), store: 'timers' }
    const keys = Array.from({ length: 3000 }, (_, number) => `${number}`.padStart(6, '0'))
    await write(
      place,
      keys.toReversed().map((key) => [key, key]),
    )
    const found: string[] = []
    for (let from = ''; ; from = `${found.at(-1)}\0`) {
      const page = await read({ ...place, from: bytes(from), limit: 700 })
      found.push(...page.map(([key]) => Buffer.from(key).toString()))
      if (page.length < 700) break
    }
    expect(found).toEqual(keys)
  },
}

async function accessOf(trial: Trial): Promise<StoreAccess> {
  const partitions = [...(await trial.twoPartitions()), await trial.partition()] as const
  return {
    partitions,
    name: (what) => trial.name(what),
    write: async (place, writes) => void (await trial.log.commit(unit(place, writes))),
    read: (range) => trial.log.readStore(range),
  }
}
type Writes = Parameters<StoreAccess['write']>[1]

function unit({ group, store, topic, partition }: StorePlace, writes: Writes) {
  const changes = writes.map(([key, value]) => [bytes(key), value === null ? null : bytes(value)] as const)
  return { offsets: { group, offsets: [] }, stores: [{ topic, partition, store, writes: changes }] }
}

/** Stores of a log: the same, and what a unit promises of them. */
export const stores: Behaviours = {
  ...Object.fromEntries(
    Object.entries(storeBehaviours).map(([title, behaviour]) => {
      return [title, async (trial: Trial) => behaviour(await accessOf(trial))]
    }),
  ),
  'commits entries with the records and offsets of their unit, or none of them': async (trial) => {
    const partition = await trial.partition()
    const place = { ...partition, group: trial.name('group'), store: 'timers' }
    const at = (position: number) => [{ ...partition, position, metadata: '' }]
    const written = unit(place, [['a', '1']])
    const whole = { ...written, offsets: { ...written.offsets, offsets: at(3) }, batches: [staged(partition, 'x')] }
    await trial.log.commit(whole)
    const unknown = staged({ topic: trial.name('nowhere'), partition: 0 }, 'y')
    const refused = { ...unit(place, [['a', '2']]), batches: [unknown] }
    expect(await rejection(trial.log.commit(refused))).toBeInstanceOf(UnknownTopicError)
    expect(show(await trial.log.readStore({ ...place, ...everything }))).toEqual(['a=1'])
    expect((await trial.committed(place.group, partition))?.position).toBe(3)
    expect(await trial.readAll(partition)).toHaveLength(1)
  },
  'takes entries from the owner of the partition alone': async (trial) => {
    const partition = await trial.partition()
    const group = trial.name('group')
    const { member } = await trial.join(group, [partition.topic])
    const [lease] = member.leases
    const place = { ...partition, group, store: 'timers' }
    const write = (value: string) => {
      const offsets = { group, member, offsets: [{ ...lease!, position: 1, metadata: '' }] }
      return trial.log.commit({ ...unit(place, [['a', value]]), offsets })
    }
    await write('1')
    await member.leave()
    expect(await rejection(write('2'))).toBeInstanceOf(FencedError)
    expect(show(await trial.log.readStore({ ...place, ...everything }))).toEqual(['a=1'])
  },
  'names the topic of a store that it does not have': async (trial) => {
    const place = { topic: trial.name('nowhere'), partition: 0, group: trial.name('group'), store: 'timers' }
    expect(await rejection(trial.log.commit(unit(place, [['a', '1']])))).toBeInstanceOf(UnknownTopicError)
    expect(await rejection(trial.log.readStore({ ...place, ...everything }))).toBeInstanceOf(UnknownTopicError)
  },
  'keeps entries while it is closed': async (trial) => {
    const place = { ...(await trial.partition()), group: trial.name('group'), store: 'timers' }
    await trial.log.commit(
      unit(place, [
        ['a', '1'],
        ['b', '1'],
        ['a', null],
      ]),
    )
    await trial.reopen()
    expect(show(await trial.log.readStore({ ...place, ...everything }))).toEqual(['b=1'])
  },
}
