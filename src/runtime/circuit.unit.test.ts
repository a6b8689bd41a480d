import { describe, expect, it } from 'vitest'
import { silentLogger } from '../core/logger.ts'
import { ManualClock } from '../core/manual-clock.ts'
import { UnreadableRecordError } from '../topics/errors.ts'
import { Circuit } from './circuit.ts'
import type { Delivery } from './delivery.ts'

const deliver = () => ({ route: {} }) as Delivery

function open() {
  const clock = new ManualClock()
  let opened = 0
  const circuit = new Circuit({
    host: { clock, logger: silentLogger, random: () => 1 },
    group: 'g',
    pauseOn: ({ message }) => message === 'away',
    opened: () => opened++,
  })
  const first = deliver()
  circuit.started(first)
  circuit.failed(first, new Error('away'), () => {})
  return { circuit, clock, first, opened: () => opened }
}

describe('a circuit', () => {
  it('probes after 1, 2, 4, 8, 16 s and then each 30 s, and from 1 s on after it was closed', () => {
    const { circuit, clock, first } = open()
    for (let round = 0; round < 2; round++) {
      for (const waitMs of [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]) {
        expect(circuit.outage).toMatchObject({ reason: 'away', probeAtMs: clock.nowMs() + waitMs, waiting: 1 })
        clock.advanceBy(waitMs - 1)
        expect(circuit.mayStart).toBe(false)
        clock.advanceBy(1)
        expect(circuit.mayStart).toBe(true)
        circuit.started(first)
        expect(circuit.mayStart).toBe(false)
        circuit.failed(first, new Error('away'), () => {})
      }
      clock.advanceBy(30_000)
      circuit.started(first)
      circuit.succeeded(first)
      expect(circuit.outage).toBeUndefined()
      circuit.failed(first, new Error('away'), () => {})
    }
  })

  it('takes the next that starts for the probe when its partition moved', () => {
    const { circuit, clock, first, opened } = open()
    circuit.forget(first)
    clock.advanceBy(1_000)
    const [second, third] = [deliver(), deliver()]
    circuit.started(second)
    expect(circuit.mayStart).toBe(false)
    const before = opened()
    circuit.gaveBack(second)
    expect(circuit.mayStart).toBe(true)
    expect(opened()).toBe(before + 1)
    circuit.started(third)
    circuit.succeeded(second)
    expect(circuit.outage).toBeDefined()
    circuit.succeeded(third)
    expect(circuit.outage).toBeUndefined()
  })

  it('learns nothing from a record that cannot be read', () => {
    const { circuit, clock, first } = open()
    circuit.forget(first)
    clock.advanceBy(1_000)
    const unreadable = deliver()
    circuit.started(unreadable)
    const error = new UnreadableRecordError({ topic: 't', partition: 0, offset: 0 }, [])
    expect(circuit.failed(unreadable, error, () => {})).toBe(false)
    expect(circuit.outage).toBeDefined()
    expect(circuit.mayStart).toBe(true)
  })

  it('keeps what becomes due in the store while it waits for its probe', () => {
    const { circuit, clock, first } = open()
    circuit.forget(first)
    let woken = 0
    expect(circuit.postpone(() => woken++)).toBe(true)
    expect(circuit.outage).toMatchObject({ waiting: 0, postponed: 1 })
    clock.advanceBy(1_000)
    expect(woken).toBe(1)
    expect(circuit.postpone(() => woken++)).toBe(false)
  })
})
