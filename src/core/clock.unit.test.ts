import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { systemClock } from './clock.ts'

const day = 86_400_000

describe("a time on the machine's clock", () => {
  let stepMs = 0
  const clock = systemClock(() => new Date(Date.now() + stepMs))
  beforeEach(() => {
    stepMs = 0
    vi.useFakeTimers({ now: 0 })
  })
  afterEach(() => {
    vi.useRealTimers()
  })
  /** When, on that clock, the callback was called. */
  const calls = (timeMs: number) => {
    const calledAtMs: number[] = []
    const cancel = clock.scheduleAt(timeMs, () => calledAtMs.push(clock.nowMs()))
    return { calledAtMs, cancel }
  }

  it.each([0, 1, 10, 999, 1_000, 1_001, day])('comes to the millisecond, %d ms ahead', (timeMs) => {
    const { calledAtMs } = calls(timeMs)
    vi.advanceTimersByTime(timeMs + 1)
    expect(calledAtMs).toEqual([timeMs])
  })

  it('comes after years, when timers hold 25 days at most', () => {
    const { calledAtMs } = calls(3 * 365 * day)
    stepMs = 3 * 365 * day - 1_500
    vi.advanceTimersByTime(1_500)
    expect(calledAtMs).toEqual([3 * 365 * day])
  })

  it('does not come early when the clock is set back', () => {
    const { calledAtMs } = calls(500)
    stepMs = -2_000
    vi.advanceTimersByTime(2_400)
    expect(calledAtMs).toEqual([])
    vi.advanceTimersByTime(100)
    expect(calledAtMs).toEqual([500])
  })

  it('comes within a second when the clock is set past it', () => {
    const { calledAtMs } = calls(day)
    vi.advanceTimersByTime(100)
    stepMs = 2 * day
    vi.advanceTimersByTime(1_000)
    expect(calledAtMs).toEqual([2 * day + 1_000])
  })

  it('does not come when it is cancelled', () => {
    const { calledAtMs, cancel } = calls(5_000)
    vi.advanceTimersByTime(4_000)
    cancel()
    vi.advanceTimersByTime(5_000)
    expect(calledAtMs).toEqual([])
    expect(vi.getTimerCount()).toBe(0)
  })
})
