import { LogBusyError } from '../errors.ts'

/**
 * Tries `attempt` until SQLite's locks allow it: at once, then every millisecond or two, with jitter, so that processes
 * which wait for each other do not keep step. Throws `LogBusyError` only when `giveUp` says so.
 */
export async function whenFree<T>(attempt: () => T, giveUp: () => boolean): Promise<T> {
  for (;;) {
    try {
      return attempt()
    } catch (error) {
      if (!(error instanceof LogBusyError) || giveUp()) throw error
    }
    await new Promise((resolve) => setTimeout(resolve, 1 + Math.random()))
  }
}
