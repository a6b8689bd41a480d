/** Cancels what was scheduled; a second call does nothing. */
export type Cancel = () => void

/**
 * Time as the runtime uses it: injected, so that tests move it by hand.
 */
export interface Clock {
  /** May be taken out of the clock: handlers destructure it. */
  readonly now: () => Date
  /** Milliseconds since the epoch; `now()` without an object. */
  nowMs(): number
  /**
   * Milliseconds that rise with the time that passes, from any start: for limits. Not wall time, which people and NTP
   * set, and which a user's `now` may hold still.
   */
  elapsedMs(): number
  /** Calls `callback` once, when at least `delayMs` have passed on this clock. Does not keep the process alive. */
  schedule(delayMs: number, callback: () => void): Cancel
  /**
   * Calls `callback` once, when `now()` is at or past this time: never before it, and soon after it also when the clock
   * was set forwards, or the machine slept. Does not keep the process alive.
   */
  scheduleAt(timeMs: number, callback: () => void): Cancel
}

/** `setTimeout` turns longer delays into one millisecond. */
export const longestTimeoutMs = 2 ** 31 - 1

/** How long after a step of the clock, or a sleep of the machine, what is due by it is noticed. */
const longestUnseenStepMs = 1_000

/** The machine's clock. Give `now` to replace only what the time is. */
export function systemClock(now?: () => Date): Clock {
  const nowMs = now === undefined ? Date.now : () => now().getTime()
  return {
    now: now ?? (() => new Date()),
    nowMs,
    elapsedMs: () => performance.now(),
    schedule: (delayMs, callback) => {
      let timer: NodeJS.Timeout
      const arm = (restMs: number) => {
        const thisMs = Math.min(restMs, longestTimeoutMs)
        timer = setTimeout(() => (restMs > thisMs ? arm(restMs - thisMs) : callback()), thisMs)
        timer.unref()
      }
      arm(delayMs)
      return () => clearTimeout(timer)
    },
    scheduleAt: (timeMs, callback) => {
      let timer: NodeJS.Timeout
      const arm = () => {
        timer = setTimeout(
          () => (nowMs() < timeMs ? arm() : callback()),
          Math.min(Math.max(0, timeMs - nowMs()), longestUnseenStepMs),
        )
        timer.unref()
      }
      arm()
      return () => clearTimeout(timer)
    },
  }
}
