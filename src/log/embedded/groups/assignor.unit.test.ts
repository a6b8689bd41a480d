import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { TopicPartition } from '../../log.ts'
import { assignPartitions, type Claim, keyOf } from './assignor.ts'

const partitionsOf = (topic: string, count: number): TopicPartition[] =>
  Array.from({ length: count }, (_, partition) => ({ topic, partition }))
const claim = (topics: readonly string[], owned: readonly TopicPartition[] = []): Claim => ({
  topics: new Set(topics),
  owned,
})

/** Topics with partitions, members with topics of their own, and who owns what now. */
const groups = fc
  .tuple(
    fc.array(fc.integer({ min: 1, max: 8 }), { minLength: 1, maxLength: 4 }),
    fc.array(fc.array(fc.boolean(), { minLength: 4, maxLength: 4 }), { minLength: 1, maxLength: 6 }),
    fc.array(fc.nat(), { minLength: 32, maxLength: 32 }),
  )
  .map(([counts, wishes, owners]) => {
    const topics = counts.map((_, index) => `topic-${index}`)
    const partitions = counts.flatMap((count, index) => partitionsOf(topics[index]!, count))
    const claims = wishes.map((wish, member) => {
      // One in a few is owned by nobody, as after a member's end.
      const owned = partitions.filter((_, index) => owners[index]! % (wishes.length + 2) === member)
      return claim(
        topics.filter((_, index) => wish[index]),
        owned,
      )
    })
    return { partitions, claims }
  })

describe('assignPartitions', () => {
  it('gives each partition that somebody asked for to exactly one who did', () => {
    fc.assert(
      fc.property(groups, ({ partitions, claims }) => {
        const shares = assignPartitions(claims, partitions)
        const wanted = partitions.filter(({ topic }) => claims.some(({ topics }) => topics.has(topic)))
        expect(shares.flat().map(keyOf).sort()).toEqual(wanted.map(keyOf).sort())
        for (const [index, share] of shares.entries()) {
          for (const { topic } of share) expect(claims[index]!.topics.has(topic)).toBe(true)
        }
      }),
    )
  })

  it('gives partition n of all topics that the same members asked for to one of them', () => {
    fc.assert(
      fc.property(groups, ({ partitions, claims }) => {
        const shares = assignPartitions(claims, partitions)
        const owners = new Map(shares.flatMap((share, owner) => share.map((each) => [keyOf(each), owner])))
        const askers = (topic: string) => claims.map(({ topics }) => topics.has(topic)).join()
        for (const one of shares.flat()) {
          for (const other of shares.flat()) {
            if (one.partition !== other.partition || askers(one.topic) !== askers(other.topic)) continue
            expect(owners.get(keyOf(one))).toBe(owners.get(keyOf(other)))
          }
        }
      }),
    )
  })

  it('leaves no partition with a member where moving all that goes with it to another would even them out', () => {
    fc.assert(
      fc.property(groups, ({ partitions, claims }) => {
        const shares = assignPartitions(claims, partitions)
        const askers = (topic: string) => claims.map(({ topics }) => topics.has(topic)).join()
        for (const [giver, share] of shares.entries()) {
          for (const { topic, partition } of share) {
            const together = share.filter(
              (each) => each.partition === partition && askers(each.topic) === askers(topic),
            )
            for (const [taker, other] of shares.entries()) {
              if (taker !== giver && claims[taker]!.topics.has(topic)) {
                expect(share.length - other.length).toBeLessThanOrEqual(together.length)
              }
            }
          }
        }
      }),
    )
  })

  it('moves nothing of an assignment that it made itself', () => {
    fc.assert(
      fc.property(groups, ({ partitions, claims }) => {
        const first = assignPartitions(claims, partitions)
        const again = assignPartitions(
          claims.map(({ topics }, index) => ({ topics, owned: first[index]! })),
          partitions,
        )
        expect(again.map((share) => share.map(keyOf).sort())).toEqual(first.map((share) => share.map(keyOf).sort()))
      }),
    )
  })

  it('takes from members with the same topics no more than a newcomer is due', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 8 }), (count, members) => {
        const partitions = partitionsOf('orders', count)
        const before = assignPartitions(
          Array.from({ length: members }, () => claim(['orders'])),
          partitions,
        )
        const claims = [...before.map((owned) => claim(['orders'], owned)), claim(['orders'])]
        const after = assignPartitions(claims, partitions)
        expect(after.at(-1)).toHaveLength(Math.floor(count / (members + 1)))
        for (const [index, share] of after.slice(0, members).entries()) {
          const had = new Set(before[index]!.map(keyOf))
          expect(share.every((partition) => had.has(keyOf(partition)))).toBe(true)
        }
      }),
    )
  })

  it('spreads each of several topics over the members', () => {
    const partitions = [...partitionsOf('orders', 6), ...partitionsOf('payments', 6)]
    const [first, second] = assignPartitions([claim(['orders', 'payments']), claim(['orders', 'payments'])], partitions)
    for (const share of [first!, second!]) {
      expect(share.filter(({ topic }) => topic === 'orders')).toHaveLength(3)
    }
  })
})
