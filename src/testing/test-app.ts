import { type AppInternals, readSettings } from '../app/millrace.ts'
import { MillraceApp } from '../app/millrace-app.ts'
import type { App, AppOptions } from '../app/types.ts'
import { type Duration, toMilliseconds } from '../core/duration.ts'
import { silentLogger } from '../core/logger.ts'
import { ManualClock } from '../core/manual-clock.ts'

/** An app on `memory:` with a clock of your own. */
export interface TestApp extends App {
  /**
   * Moves the clock. What becomes due on the way (the next attempt of a handler, a time limit) happens at its time, one
   * after the other, and `advance` waits until it was handled. A handler that still runs after 100 ms of real time is
   * not waited for: it may wait for the clock itself.
   */
  advance(time: Duration): Promise<void>
}

/** A fixed time, so that a test sees the same timestamps each time. */
const start = new Date('2026-01-01T00:00:00.000Z')
const handlerPatienceMs = 100
/** Offsets that are left out after each batch, as Kafka's markers take some: a test that counts them fails here first. */
const offsetGap = 1

/**
 * An app for tests: log and databases in memory, a clock that stands at 2026-01-01T00:00:00Z until `advance` moves it,
 * no log lines, and offsets that skip some between commits, as in Kafka: nothing may count on the next one being one more.
 * Everything else is as in `millrace()`: the same engine, the same runtime.
 *
 * @throws InvalidOptionsError with every fault of the options.
 * @example
 * ```ts
 * await using app = testApp()
 * app.add(payment)
 * await app.start()
 * await app.publish(orders, order)
 * await app.settled()
 * ```
 */
export function testApp(options: Omit<AppOptions, 'url' | 'clock'> = {}): TestApp {
  const clock = new ManualClock(start)
  return new MemoryApp(clock, options)
}

class MemoryApp extends MillraceApp implements TestApp {
  readonly #clock: ManualClock

  constructor(clock: ManualClock, options: Omit<AppOptions, 'url' | 'clock'>) {
    const internals: AppInternals = { clock, databaseUrl: 'memory:', offsetGap }
    super(readSettings('test', { logger: silentLogger, ...options, url: 'memory:' }, internals))
    this.#clock = clock
  }

  async advance(time: Duration): Promise<void> {
    const targetMs = this.#clock.nowMs() + toMilliseconds(time)
    await this.#quiet()
    for (let nextMs = this.#clock.nextAtMs; nextMs !== undefined && nextMs <= targetMs; nextMs = this.#clock.nextAtMs) {
      this.#clock.advanceTo(nextMs)
      await this.#quiet()
    }
    this.#clock.advanceTo(targetMs)
    await this.#quiet()
  }

  /** Until nothing could go on without the clock. */
  async #quiet(): Promise<void> {
    await this.waitUntil(performance.now() + handlerPatienceMs, async () => {
      return (await this.unsettled()).every(({ dueMs }) => dueMs !== undefined)
    })
  }
}
