import { expect, test } from 'vitest'
import { ManualClock } from './manual-clock.ts'

test('a manual clock stands still, and runs what is due in the order of its times', () => {
  const clock = new ManualClock(new Date(1_000))
  const ran: string[] = []
  const note = (name: string) => () => ran.push(`${name} at ${clock.nowMs()}`)
  clock.schedule(20, note('late'))
  clock.schedule(10, note('early'))
  clock.schedule(10, () => clock.schedule(5, note('nested')))
  const cancel = clock.schedule(15, note('cancelled'))
  cancel()
  cancel()
  expect(clock.nextAtMs).toBe(1_010)
  clock.advanceTo(1_009)
  expect(ran).toEqual([])
  clock.advanceBy(11)
  expect(ran).toEqual(['early at 1010', 'nested at 1015', 'late at 1020'])
  expect(clock.now()).toEqual(new Date(1_020))
  expect(clock.nextAtMs).toBeUndefined()
  clock.advanceTo(500)
  expect(clock.nowMs()).toBe(1_020)
})
