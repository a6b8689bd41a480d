import { type Clock, systemClock } from '../core/clock.ts'
import { toMilliseconds } from '../core/duration.ts'
import { FaultList } from '../core/faults.ts'
import { checkedIds, processIds } from '../core/ids.ts'
import { type Logger, standardErrorLogger } from '../core/logger.ts'
import { isName, nameRule } from '../core/names.ts'
import { type AppSettings, MillraceApp } from './millrace-app.ts'
import { type CleaningPace, checkLogUrl, defaultLogUrl } from './open-log.ts'
import type { App, AppOptions } from './types.ts'

/** The user's tables, the outbox and the checkpoints; never in the log's file. */
const defaultDatabaseUrl = 'file:.millrace/app.db'
const defaultDrainTimeout = '10s'
const defaultLongestWaitInMemoryMs = 5_000

/**
 * Makes an app: components over one log. Nothing is opened before `start`, or before the first publish.
 *
 * With no URL the log is a file, `.millrace/log.db`, that several processes may share; `MILLRACE_URL` and the option
 * `url` say otherwise.
 *
 * @throws InvalidOptionsError with every fault of the options.
 * @example
 * ```ts
 * await using app = millrace('shop')
 * app.add(payment)
 * await app.run()
 * ```
 */
export function millrace(name: string, options: AppOptions = {}): App {
  return new MillraceApp(readSettings(name, options))
}

/** What `testApp` sets and a user does not. */
export interface AppInternals {
  readonly clock?: Clock
  readonly random?: () => number
  /** A longer wait between attempts is kept in the store. */
  readonly longestWaitInMemoryMs?: number
  readonly databaseUrl?: string
  readonly offsetGap?: number
  readonly cleaning?: CleaningPace
}

const known: Record<keyof AppOptions, true> = {
  url: true,
  logger: true,
  clock: true,
  id: true,
  drainTimeout: true,
}

/** Checks the options and fills in what the environment and the defaults say. */
export function readSettings(name: string, options: AppOptions, internals: AppInternals = {}): AppSettings {
  const {
    url = process.env.MILLRACE_URL || defaultLogUrl,
    logger,
    clock,
    id,
    drainTimeout = defaultDrainTimeout,
  } = options
  const faults = new FaultList()
  faults.expectOnly(options, known)
  faults.expect(isName(name), 'name', `give ${nameRule}`)
  const urlVariable = options.url === undefined && process.env.MILLRACE_URL ? 'MILLRACE_URL' : undefined
  faults.attempt(urlVariable ?? 'url', () => checkLogUrl(url))
  faults.expect(logger === undefined || isLogger(logger), 'logger', 'give debug, info, warn and error')
  faults.expect(clock === undefined || typeof clock.now === 'function', 'clock', 'give an object with now()')
  faults.expect(id === undefined || typeof id === 'function', 'id', 'give a function')
  const drainTimeoutMs = faults.attempt('drainTimeout', () => toMilliseconds(drainTimeout)) ?? 0
  faults.throwIfAny(`App ${JSON.stringify(name)}`)
  return {
    appName: name,
    url,
    urlVariable,
    offsetGap: internals.offsetGap,
    cleaning: internals.cleaning,
    databaseUrl: internals.databaseUrl ?? (process.env.DATABASE_URL || defaultDatabaseUrl),
    logger: logger ?? standardErrorLogger(),
    clock: internals.clock ?? systemClock(clock === undefined ? undefined : () => clock.now()),
    newId: id === undefined ? processIds() : checkedIds(id),
    random: internals.random ?? Math.random,
    longestWaitInMemoryMs: internals.longestWaitInMemoryMs ?? defaultLongestWaitInMemoryMs,
    drainTimeoutMs,
  }
}

function isLogger(logger: Logger): boolean {
  const levels = ['debug', 'info', 'warn', 'error'] as const
  return typeof logger === 'object' && logger !== null && levels.every((level) => typeof logger[level] === 'function')
}
