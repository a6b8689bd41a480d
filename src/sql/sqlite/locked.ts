import { DatabaseBusyError, isLocked } from '../storage-errors.ts'
import type { Timing } from './timing.ts'

/** How long, and with which time, a lock is waited for. */
export interface RetryWhileLocked {
  readonly timing: Timing
  readonly location: string
  readonly lockTimeoutMs: number
  /** Why no more is tried, once the database is closed. */
  readonly closed: () => Error | undefined
}

/**
 * Runs `work`, and again after a millisecond or two while another process has the lock. For what has no effect when
 * it throws: one statement. Throws `DatabaseBusyError` after `lockTimeoutMs`.
 */
export async function retryWhileLocked<T>(work: () => T, options: RetryWhileLocked): Promise<T> {
  const { timing, location, lockTimeoutMs, closed } = options
  let beganMs: number | undefined
  for (;;) {
    const reason = closed()
    if (reason !== undefined) throw reason
    try {
      return work()
    } catch (error) {
      if (!isLocked(error)) throw error
      beganMs ??= timing.elapsedMs()
      if (timing.elapsedMs() - beganMs >= lockTimeoutMs) throw new DatabaseBusyError(location, lockTimeoutMs, error)
    }
    await timing.pause(1 + timing.random())
  }
}
