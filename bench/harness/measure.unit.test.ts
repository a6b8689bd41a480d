import { describe, expect, it } from 'vitest'
import { percentile, repeat, runsOfEach, summarize } from './measure.ts'
import { makeOrder, makeOrders } from './orders.ts'
import { formatTable } from './table.ts'

describe('figures', () => {
  it('are the median, the lowest and the highest of the runs', () => {
    expect(summarize([30, 1, 200])).toEqual({ value: 30, lowest: 1, highest: 200 })
    expect(summarize([5])).toEqual({ value: 5, lowest: 5, highest: 5 })
  })

  it('of a percentile are of the place that share comes to', () => {
    const rising = Array.from({ length: 100 }, (_, number) => number)
    expect([0, 0.5, 0.99, 1].map((share) => percentile(rising, share))).toEqual([0, 50, 99, 99])
  })

  it('leave the run that warms up out', async () => {
    let runs = 0
    expect(await repeat(async () => ++runs)).toEqual([2, 3, 4])
    expect(runs).toBe(runsOfEach + 1)
  })
})

describe('an order', () => {
  it.each([0, 7, 1_234_567, 9_999_999])('has 240 bytes (%i)', (number) => {
    expect(Buffer.byteLength(JSON.stringify(makeOrder(number)))).toBe(240)
  })

  it('has a key of its own', () => {
    expect(new Set([...makeOrders(2_000)].map(({ orderId }) => orderId)).size).toBe(2_000)
  })
})

describe('a table', () => {
  it('shows each figure with its unit, its goal and whether that was met', () => {
    const row = { what: 'append', unit: 'records/s', value: 1234.5, lowest: 2.5, highest: 2_000_000 } as const
    const table = formatTable([
      { ...row, goal: { text: '1k', met: true } },
      { ...row, what: 'b', note: 'beside', goal: { text: '2k', met: false } },
    ])
    expect(table.split('\n')).toEqual([
      '| what   | median | lowest – highest | unit      | goal       | note   |',
      '|--------|-------:|-----------------:|-----------|------------|--------|',
      '| append |  1,235 | 2.50 – 2,000,000 | records/s | 1k: met    |        |',
      '| b      |  1,235 | 2.50 – 2,000,000 | records/s | 2k: missed | beside |',
    ])
  })
})
