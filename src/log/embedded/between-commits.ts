import { setImmediate } from 'node:timers/promises'
import { LogBusyError } from './errors.ts'

/** How long another process may keep the write lock before work in the background is given up. */
const busyDeadlineMs = 5_000

/**
 * Runs `transact`, a transaction beside the commit queue's, after a turn of the event loop, so that one after the other
 * they leave commits, timers and sockets their turns. While another process holds the write lock it is tried again every
 * millisecond or two, for five seconds; then `LogBusyError`.
 */
export async function betweenCommits<T>(transact: () => T): Promise<T> {
  await setImmediate()
  const sinceMs = performance.now()
  for (;;) {
    try {
      return transact()
    } catch (error) {
      if (!(error instanceof LogBusyError) || performance.now() - sinceMs >= busyDeadlineMs) throw error
    }
    await new Promise((resolve) => setTimeout(resolve, 1 + Math.random()))
  }
}
