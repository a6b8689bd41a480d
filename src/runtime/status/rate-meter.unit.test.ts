import { expect, test } from 'vitest'
import { RateMeter } from './rate-meter.ts'

function meter() {
  let nowMs = 5_000
  const rates = new RateMeter(() => nowMs)
  /** So many events in each of so many seconds, with a sample after each, as the timer takes them. */
  const pass = (seconds: number, perSecond: number) => {
    for (let second = 0; second < seconds; second++) {
      nowMs += 1_000
      rates.count += perSecond
      rates.sample()
    }
  }
  rates.sample()
  return { rates, pass, wait: (ms: number) => (nowMs += ms) }
}

test('a rate is that of its window', () => {
  const { rates, pass } = meter()
  pass(120, 10)
  pass(10, 100)
  expect(rates.rate(10_000)).toBe(100)
  expect(rates.rate(60_000)).toBe((50 * 10 + 10 * 100) / 60)
})

test('a rate falls to nothing when nothing comes', () => {
  const { rates, pass } = meter()
  pass(5, 10)
  pass(60, 0)
  expect([rates.rate(10_000), rates.rate(60_000)]).toEqual([0, 0])
})

test('before a window has passed, the rate is that since the start', () => {
  const { rates, pass } = meter()
  pass(4, 10)
  expect(rates.rate(60_000)).toBe(10)
})

test('a few events right after the start are no thousands a second', () => {
  const { rates, wait } = meter()
  wait(2)
  rates.count += 20
  expect(rates.rate(10_000)).toBe(20)
})

test('a meter that was never started has no rate', () => {
  expect(new RateMeter(() => 0).rate(10_000)).toBe(0)
})
