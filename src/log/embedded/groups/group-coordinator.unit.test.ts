import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { staged } from '../../conformance/harness.ts'
import { until } from '../../conformance/until.ts'
import { FencedError } from '../../errors.ts'
import type { Lease, Log, Member } from '../../log.ts'
import { openEmbeddedLog } from '../index.ts'
import { keyOf } from './assignor.ts'

const group = 'billing'
const topics = ['orders', 'payments']
const partitionCount = 7

/** A member that notes what it holds, and what it held before. */
interface Witness {
  member: Member | undefined
  /** Its listener was told that it has it and has not yet let it go. */
  readonly held: Map<string, Lease>
  readonly past: Lease[]
  gone: boolean
}

/** What one member does, and what the listener of each does when it is called. */
const scripts = fc.array(
  fc.record({
    topics: fc.subarray(topics, { minLength: 1 }),
    /** Turns of the event loop before it joins, and that its calls take. */
    joinsAfter: fc.nat(6),
    takes: fc.nat(4),
    leavesAfter: fc.option(fc.nat(12), { nil: undefined }),
    failsAtCall: fc.option(fc.integer({ min: 1, max: 4 }), { nil: undefined }),
  }),
  { minLength: 1, maxLength: 6 },
)
type Script = typeof scripts extends fc.Arbitrary<(infer Each)[]> ? Each : never

const turns = async (count: number) => {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve))
}

/** Throws when a partition is with two members at once, or an epoch is not new. */
function note(witness: Witness, all: readonly Witness[], leases: readonly Lease[]): void {
  for (const lease of leases) {
    const key = keyOf(lease)
    for (const other of all) expect(other.held.has(key), `${key} is with two members`).toBe(false)
    const epochs = all.flatMap(({ past }) => past).filter((past) => keyOf(past) === key)
    for (const { epoch } of epochs) expect(lease.epoch).toBeGreaterThan(epoch)
    witness.held.set(key, lease)
    witness.past.push(lease)
  }
}

async function play(log: Log, all: Witness[], script: Script): Promise<void> {
  const witness: Witness = { member: undefined, held: new Map(), past: [], gone: false }
  all.push(witness)
  let calls = 0
  const end = () => {
    witness.held.clear()
    witness.gone = true
  }
  const call = async (work: () => void) => {
    if (++calls === script.failsAtCall) {
      // Told of nothing any more from here on.
      end()
      throw new Error('scripted')
    }
    work()
    await turns(script.takes)
  }
  await turns(script.joinsAfter)
  try {
    witness.member = await log.join({
      group,
      topics: script.topics,
      listener: {
        assigned: (leases) => call(() => note(witness, all, leases)),
        revoked: (leases) =>
          call(() => {}).finally(() => {
            for (const lease of leases) witness.held.delete(keyOf(lease))
          }),
        lost() {},
        failed: end,
      },
    })
  } catch (error) {
    expect(String(error)).toContain('scripted')
    end()
    return
  }
  if (script.leavesAfter === undefined) return
  await turns(script.leavesAfter)
  await witness.member.leave()
  end()
}

describe('a group whose members join, leave and fail at any moment', () => {
  it('never has a partition with two of them, and ends with each where it is wanted', async () => {
    await fc.assert(
      fc.asyncProperty(scripts, async (all) => {
        await using log = await openEmbeddedLog({ memory: true })
        await log.ensureTopics(topics.map((name) => ({ name, partitions: partitionCount, exact: true })))
        const witnesses: Witness[] = []
        await Promise.all(all.map((script) => play(log, witnesses, script)))
        const wanted = () => {
          const left = all.filter((_, index) => !witnesses[index]!.gone)
          const asked = new Set(left.flatMap((script) => script.topics))
          return asked.size * partitionCount
        }
        const held = () => witnesses.flatMap((witness) => [...witness.held.values()])
        await until('every wanted partition to be held', () => held().length === wanted())

        for (const { member, held: leases, past } of witnesses) {
          if (member === undefined) continue
          expect(member.leases.map(keyOf).sort()).toEqual([...leases.keys()].sort())
          for (const lease of past) {
            const unit = { offsets: { group, member, offsets: [{ ...lease, position: 1, metadata: '' }] } }
            if (leases.get(keyOf(lease))?.epoch === lease.epoch) await log.commit(unit)
            else await expect(log.commit(unit)).rejects.toThrow(FencedError)
          }
        }
      }),
      { numRuns: 60 },
    )
  })
})

describe('a fence', () => {
  it('lets nobody commit for a lease of another group or of another log', async () => {
    await using log = await openEmbeddedLog({ memory: true })
    await using other = await openEmbeddedLog({ memory: true })
    for (const each of [log, other]) await each.ensureTopics([{ name: 'orders', partitions: 1, exact: true }])
    const listener = { assigned() {}, revoked() {}, lost() {}, failed() {} }
    const member = await log.join({ group, topics: ['orders'], listener })
    const stranger = await other.join({ group, topics: ['orders'], listener })
    const [lease] = member.leases
    const output = staged(lease!, 'a')
    for (const commit of [
      { group: 'other', member, offsets: [{ ...lease!, position: 1, metadata: '' }] },
      { group, member: stranger, offsets: [{ ...lease!, position: 1, metadata: '' }] },
      { group, member, offsets: [{ topic: 'orders', partition: 0, position: 1, metadata: '' }] },
    ]) {
      await expect(log.commit({ batches: [output], offsets: commit })).rejects.toThrow(FencedError)
    }
    expect(await log.offsets('end', [lease!])).toEqual([0])
  })
})
