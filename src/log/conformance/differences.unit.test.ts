import { describe, expect, it } from 'vitest'
import { openEmbeddedLog } from '../embedded/index.ts'
import { runDifference, unmatched } from './differences.ts'
import type { Difference, EngineHarness } from './harness.ts'

const open = () => openEmbeddedLog({ memory: true })
const harness: EngineHarness = { open, reopen: open }
const passes = async () => {}
const fails = () => Promise.reject(new Error('not so'))
const difference = (instead: Difference['instead']): Difference => ({ title: 'counts', reason: 'it cannot', instead })

describe('a declared difference', () => {
  it('passes when the behaviour is not there and what is there instead is', async () => {
    await runDifference(harness, difference(passes), fails)
  })
  it('fails when the behaviour is there after all', async () => {
    await expect(runDifference(harness, difference(passes), passes)).rejects.toThrow("shows 'counts': remove")
  })
  it('fails when the engine does not do what it says instead', async () => {
    await expect(runDifference(harness, difference(fails), fails)).rejects.toThrow('not so')
  })
  it('is reported when no behaviour has its title', () => {
    expect(unmatched([difference(passes)], ['counts'])).toEqual([])
    expect(unmatched([difference(passes)], ['Counts', 'count'])).toEqual(['counts'])
  })
})
