import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ManualClock } from '../core/manual-clock.ts'
import { Deadlines, type Expiring } from './deadlines.ts'

class Timed implements Expiring {
  dueMs = 0
  expiredAt: number[] = []
  readonly #clock: ManualClock
  constructor(clock: ManualClock) {
    this.#clock = clock
  }
  expire(): void {
    this.expiredAt.push(this.#clock.nowMs())
  }
}

describe('deadlines', () => {
  it('expire each that was not removed, once, at its time', () => {
    const script = fc.array(fc.tuple(fc.constantFrom('add', 'remove', 'wait'), fc.nat(150)), { maxLength: 80 })
    fc.assert(
      fc.property(script, (steps) => {
        const clock = new ManualClock()
        const deadlines = new Deadlines(clock, 100)
        const added: { timed: Timed; dueMs: number; removedAt: number }[] = []
        for (const [action, number] of steps) {
          if (action === 'wait') clock.advanceBy(number)
          else if (action === 'add') {
            const timed = new Timed(clock)
            added.push({ timed, dueMs: clock.nowMs() + 100, removedAt: Number.POSITIVE_INFINITY })
            deadlines.add(timed)
          } else {
            const one = added[number % Math.max(1, added.length)]
            if (one === undefined) continue
            deadlines.remove(one.timed)
            one.removedAt = Math.min(one.removedAt, clock.nowMs())
          }
        }
        clock.advanceBy(1_000)
        for (const { timed, dueMs, removedAt } of added) {
          expect(timed.expiredAt).toEqual(removedAt < dueMs ? [] : [dueMs])
        }
        expect(clock.nextAtMs).toBeUndefined()
      }),
    )
  })

  it('keep one timer however many there are', () => {
    const clock = new ManualClock()
    const deadlines = new Deadlines(clock, 100)
    for (let count = 0; count < 10; count++) deadlines.add(new Timed(clock))
    deadlines.close()
    expect(clock.nextAtMs).toBeUndefined()
  })

  it('take one more while they expire', () => {
    const clock = new ManualClock()
    const deadlines = new Deadlines(clock, 100)
    const later = new Timed(clock)
    deadlines.add({ dueMs: 0, expire: () => deadlines.add(later) })
    deadlines.add(new Timed(clock))
    clock.advanceBy(300)
    expect(later.expiredAt).toEqual([200])
  })

  it('run on when the wall clock is set back, or stands still', () => {
    const clock = new ManualClock(1_000_000)
    const elapsedMs = () => clock.elapsedMs()
    const schedule = (delayMs: number, callback: () => void) => clock.schedule(delayMs, callback)
    const still = { now: () => new Date(0), nowMs: () => 0, scheduleAt: () => () => {} }
    const deadlines = new Deadlines({ ...still, elapsedMs, schedule }, 100)
    const timed = new Timed(clock)
    deadlines.add(timed)
    clock.advanceBy(1_000)
    expect(timed.expiredAt).toEqual([1_000_100])
  })
})
