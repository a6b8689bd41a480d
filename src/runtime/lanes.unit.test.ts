import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type LaneEntry, Lanes, type Limit } from './lanes.ts'

interface TestEntry extends LaneEntry {
  readonly number: number
  /** Attempts before it is done: between two of them it is parked. */
  attempts: number
  readonly endsAtOnce: boolean
}

/** Lanes with all that happens in them, checked as it happens. */
class Bench {
  readonly lanes: Lanes<TestEntry>
  readonly byKey = new Map<string, LaneEntry[]>()
  readonly running = new Set<TestEntry>()
  readonly parked = new Set<TestEntry>()
  readonly started: number[] = []
  readonly done: TestEntry[] = []
  readonly #concurrency: number

  constructor(concurrency: number) {
    this.#concurrency = concurrency
    this.lanes = new Lanes(concurrency, (entry) => this.#run(entry))
  }

  #run(entry: TestEntry): void {
    this.started.push(entry.number)
    this.running.add(entry)
    expect(this.running.size).toBeLessThanOrEqual(this.#concurrency)
    const alike = [...this.running, ...this.parked].filter(({ laneKey }) => laneKey === entry.laneKey)
    if (entry.laneKey !== null) expect(alike).toEqual([entry])
    if (entry.limit !== undefined) {
      const limited = [...this.running].filter(({ limit }) => limit === entry.limit)
      expect(limited.length).toBeLessThanOrEqual(entry.limit.most)
    }
    if (entry.endsAtOnce) this.end(entry)
  }

  end(entry: TestEntry): void {
    this.running.delete(entry)
    if (--entry.attempts > 0) {
      this.parked.add(entry)
      this.lanes.park(entry)
    } else {
      this.done.push(entry)
      this.lanes.done(entry)
    }
  }

  unpark(entry: TestEntry): void {
    this.parked.delete(entry)
    this.lanes.unpark(entry)
  }
}

let nextNumber = 0
const entryOf = (
  bench: Bench,
  laneKey: string | null,
  rest: Partial<Pick<TestEntry, 'limit' | 'attempts' | 'endsAtOnce'>> = {},
): TestEntry => ({
  lanes: bench.byKey,
  laneKey,
  limit: undefined,
  attempts: 1,
  endsAtOnce: false,
  number: nextNumber++,
  ...rest,
})

const scripts = fc.array(
  fc.record({
    action: fc.constantFrom('offer', 'offer', 'offer', 'end', 'end', 'unpark', 'hold', 'resume'),
    number: fc.nat(1_000),
    key: fc.constantFrom('a', 'b', 'c', null),
    limit: fc.constantFrom(undefined, 0, 1),
    attempts: fc.integer({ min: 1, max: 3 }),
    endsAtOnce: fc.boolean(),
  }),
  { maxLength: 150 },
)

const pick = <T>(set: ReadonlySet<T>, number: number): T | undefined => [...set][number % Math.max(1, set.size)]

describe('lanes', () => {
  it('keep the order of each key and every bound, and lose nothing, whatever ends, parks and comes', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 5 }), scripts, (concurrency, script) => {
        const bench = new Bench(concurrency)
        const limits: Limit[] = [1, 2].map((most) => ({ most, running: 0, waiting: [] }))
        const offered: TestEntry[] = []
        let isHeld = false
        for (const { action, number, key, limit, attempts, endsAtOnce } of script) {
          const startedBefore = bench.started.length
          if (action === 'offer') {
            const entry = entryOf(bench, key, {
              limit: limit === undefined ? undefined : limits[limit],
              attempts,
              endsAtOnce,
            })
            offered.push(entry)
            bench.lanes.offer(entry)
          } else if (action === 'end') {
            const entry = pick(bench.running, number)
            if (entry !== undefined) bench.end(entry)
          } else if (action === 'unpark') {
            const entry = pick(bench.parked, number)
            if (entry !== undefined) bench.unpark(entry)
          } else {
            isHeld = action === 'hold'
            bench.lanes[action]()
          }
          if (isHeld) expect(bench.started.length).toBe(startedBefore)
          expect(bench.lanes.running).toBe(bench.running.size)
        }
        bench.lanes.resume()
        while (bench.running.size > 0 || bench.parked.size > 0) {
          for (const entry of [...bench.running]) bench.end(entry)
          for (const entry of [...bench.parked]) bench.unpark(entry)
        }
        expect(new Set(bench.done)).toEqual(new Set(offered))
        expect(bench.done.length).toBe(offered.length)
        for (const key of ['a', 'b', 'c']) {
          const ofKey = (list: readonly TestEntry[]) => list.filter(({ laneKey }) => laneKey === key)
          expect(ofKey(bench.done)).toEqual(ofKey(offered))
        }
        expect(bench.byKey.size).toBe(0)
        expect(limits.every(({ running, waiting }) => running === 0 && waiting.length === 0)).toBe(true)
      }),
    )
  })

  it('run records without a key side by side', () => {
    const bench = new Bench(3)
    for (let count = 0; count < 4; count++) bench.lanes.offer(entryOf(bench, null))
    expect(bench.running.size).toBe(3)
  })

  it('let others of the key wait for a parked one, and other keys use its slot', () => {
    const bench = new Bench(1)
    const [first, second, other] = [entryOf(bench, 'a', { attempts: 2 }), entryOf(bench, 'a'), entryOf(bench, 'b')]
    for (const entry of [first, second, other]) bench.lanes.offer(entry)
    bench.end(first)
    expect([...bench.running]).toEqual([other])
    bench.end(other)
    expect(bench.running.size).toBe(0)
    bench.unpark(first)
    bench.end(first)
    expect([...bench.running]).toEqual([second])
  })

  it('do not let a full type hold back the others', () => {
    const bench = new Bench(2)
    const limit: Limit = { most: 1, running: 0, waiting: [] }
    const limited = [entryOf(bench, null, { limit }), entryOf(bench, null, { limit })]
    const free = entryOf(bench, null)
    for (const entry of [...limited, free]) bench.lanes.offer(entry)
    expect([...bench.running]).toEqual([limited[0], free])
    bench.end(free)
    expect([...bench.running]).toEqual([limited[0]])
    bench.end(limited[0]!)
    expect([...bench.running]).toEqual([limited[1]])
  })

  it('end ten thousand records that end at once without a stack of calls', () => {
    const bench = new Bench(1)
    bench.lanes.hold()
    for (let count = 0; count < 10_000; count++) bench.lanes.offer(entryOf(bench, 'a', { endsAtOnce: true }))
    bench.lanes.resume()
    expect(bench.done.length).toBe(10_000)
  })

  it('start nothing after close, while what runs ends as usual', () => {
    const bench = new Bench(1)
    const [first, second] = [entryOf(bench, 'a'), entryOf(bench, 'a')]
    bench.lanes.offer(first)
    bench.lanes.offer(second)
    bench.lanes.close()
    bench.lanes.resume()
    bench.end(first)
    bench.lanes.offer(entryOf(bench, 'b'))
    expect(bench.started).toEqual([first.number])
    expect(bench.lanes.running).toBe(0)
  })
})
