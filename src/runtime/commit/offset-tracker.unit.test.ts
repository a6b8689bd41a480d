import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { OffsetTracker, type UnfinishedOffset } from './offset-tracker.ts'
import type { Progress, Run } from './progress.ts'

/** Whether a restart at this progress leaves the offset out. */
const covers = ({ position, finished }: Progress, offset: number) =>
  offset < position || finished.some(([first, last]) => first <= offset && offset <= last)

function expectOrdered({ position, finished }: Progress): void {
  let least = position
  for (const [first, last] of finished) {
    expect(first).toBeGreaterThanOrEqual(least)
    expect(last).toBeGreaterThanOrEqual(first)
    least = last + 2
  }
}

type Step = { readonly kind: 'start' | 'skip' | 'pass' | 'finish'; readonly number: number }
const steps = fc.array(
  fc.record<Step>({ kind: fc.constantFrom('start', 'start', 'skip', 'pass', 'finish', 'finish'), number: fc.nat(20) }),
  { maxLength: 120 },
)
/** Runs that an earlier owner left, as distances and lengths. */
const gapsAndLengths = fc.array(fc.tuple(fc.integer({ min: 1, max: 6 }), fc.nat(5)), { maxLength: 8 })

/** Keeps for each offset what happened to it: the tracker as its definition says it. */
class Model {
  readonly unfinished = new Map<number, UnfinishedOffset>()
  readonly delivered = new Set<number>()
  fetched: number
  constructor(position: number) {
    this.fetched = position
  }
  get position(): number {
    return Math.min(this.fetched, ...this.unfinished.keys())
  }
}

function runsFrom(position: number, pairs: readonly (readonly [number, number])[]): Run[] {
  let from = position
  return pairs.map(([gap, length]) => {
    const first = from + gap
    from = first + length + 1
    return [first, first + length]
  })
}

describe('the offset tracker', () => {
  it('agrees with a model that keeps every offset, whatever is taken, skipped, passed and finished in any order', () => {
    fc.assert(
      fc.property(fc.nat(50), gapsAndLengths, steps, (start, pairs, script) => {
        const before = runsFrom(start, pairs)
        const wasFinished = (offset: number) => covers({ position: start, finished: before }, offset)
        const tracker = new OffsetTracker(start, before)
        const model = new Model(start)
        for (const { kind, number } of script) {
          // A few offsets are left out now and then, as by markers and compaction.
          const offset = model.fetched + (number % 4 === 0 ? number / 4 : 0)
          if (kind === 'pass') {
            tracker.passTo(offset)
            model.fetched = offset
          } else if (kind === 'finish') {
            const open = [...model.unfinished.values()]
            // One, or each second one from there on.
            const entries = open.slice(number % Math.max(1, open.length)).filter((_, at) => at % 2 === 0)
            if (number % 3 > 0) entries.splice(1)
            const foretold = tracker.progress(new Set(entries))
            for (const entry of entries) {
              tracker.finish(entry)
              model.unfinished.delete(entry.offset)
            }
            expect(foretold).toEqual(tracker.progress())
          } else {
            expect(tracker.wasFinished(offset)).toBe(wasFinished(offset))
            if (kind === 'skip' || wasFinished(offset)) tracker.skip(offset)
            else model.unfinished.set(offset, tracker.start(offset))
            model.delivered.add(offset)
            model.fetched = offset + 1
          }
          const progress = tracker.progress()
          expect(tracker.position).toBe(model.position)
          expect(progress.position).toBe(model.position)
          expect(tracker.unfinished).toBe(model.unfinished.size)
          expect(tracker.fetched).toBe(model.fetched)
          expectOrdered(progress)
          for (const known of model.delivered) expect(covers(progress, known)).toBe(!model.unfinished.has(known))
          for (let ahead = model.fetched; ahead < model.fetched + 60; ahead++) {
            expect(covers(progress, ahead)).toBe(wasFinished(ahead))
          }
        }
      }),
    )
  })

  it('is caught up when the fetch has passed markers at the end, though no record stands there', () => {
    const tracker = new OffsetTracker(0)
    const entry = tracker.start(1438)
    tracker.passTo(1440)
    tracker.finish(entry)
    expect(tracker.position).toBe(1440)
  })

  it('counts what was skipped behind an unfinished record as finished ahead of it', () => {
    const tracker = new OffsetTracker(0)
    tracker.start(0)
    tracker.skip(1)
    tracker.skip(5)
    expect(tracker.progress()).toEqual({ position: 0, finished: [[1, 5]] })
  })

  it('carries the runs of an earlier owner until it has come by them', () => {
    const tracker = new OffsetTracker(10, [
      [12, 14],
      [20, 22],
    ])
    const first = tracker.start(10)
    expect(tracker.progress().finished).toEqual([
      [12, 14],
      [20, 22],
    ])
    expect(tracker.wasFinished(12)).toBe(true)
    tracker.skip(12)
    expect(tracker.progress().finished).toEqual([
      [12, 14],
      [20, 22],
    ])
    tracker.finish(first)
    expect(tracker.progress()).toEqual({
      position: 13,
      finished: [
        [13, 14],
        [20, 22],
      ],
    })
  })

  it('refuses an offset that was passed and a second end of the same record', () => {
    const tracker = new OffsetTracker(5)
    expect(() => tracker.start(4)).toThrow('offset 4 was taken after 5')
    const entry = tracker.start(5)
    tracker.finish(entry)
    expect(() => tracker.finish(entry)).toThrow('offset 5 was finished twice')
  })
})
