import { setTimeout as sleep } from 'node:timers/promises'
import { type Clock, systemClock } from '../../core/clock.ts'

/** Time as this room needs it. The deadlines of transactions are on the app's clock; waiting for a lock is not. */
export interface Timing {
  readonly clock: Clock
  /** Monotonic, in milliseconds: for what is measured. */
  readonly elapsedMs: () => number
  /** Between two attempts to take a lock that another process holds; keeps the process alive. */
  readonly pause: (delayMs: number) => Promise<void>
  /** From 0 to 1. */
  readonly random: () => number
}

/** The machine's time, with deadlines on `clock`. */
export function systemTiming(clock: Clock = systemClock()): Timing {
  return { clock, elapsedMs: () => performance.now(), pause: (delayMs) => sleep(delayMs), random: Math.random }
}
