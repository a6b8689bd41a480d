import type { LockWait } from '../../core/lock-wait.ts'
import { DatabaseBusyError, isLocked } from '../storage-errors.ts'
import type { Timing } from './timing.ts'

/** How long, and with which time, a lock is waited for. */
export interface RetryWhileLocked {
  readonly timing: Timing
  readonly location: string
  readonly lockTimeoutMs: number
  /** Of a file: who has its write lock for long. For what writes. */
  readonly lockWait?: LockWait | undefined
  /** When the caller began to wait, perhaps for its turn before. */
  readonly beganMs?: number
  /** Why no more is tried, once the database is closed. */
  readonly closed: () => Error | undefined
}

/**
 * Runs `work`, and again after a millisecond or two while another process has the lock. For what has no effect when
 * it throws: one statement. Throws `DatabaseBusyError` when the lock was refused for `lockTimeoutMs`: those that waited
 * for their turn meanwhile do not wait as long again, one after the other.
 */
export async function retryWhileLocked<T>(work: () => T, options: RetryWhileLocked): Promise<T> {
  const { timing, location, lockTimeoutMs, lockWait, closed } = options
  let refusedMs: number | undefined
  for (;;) {
    const reason = closed()
    if (reason !== undefined) throw reason
    try {
      const result = work()
      lockWait?.free()
      return result
    } catch (error) {
      if (!isLocked(error)) throw error
      lockWait?.blocked()
      const nowMs = timing.elapsedMs()
      refusedMs ??= Math.max(options.beganMs ?? nowMs, lockWait?.sinceMs ?? nowMs)
      if (nowMs - refusedMs >= lockTimeoutMs) throw new DatabaseBusyError(location, lockTimeoutMs, error)
    }
    await timing.pause(1 + timing.random())
  }
}
