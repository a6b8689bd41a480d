import { type Duration, toMilliseconds } from '../core/duration.ts'
import { MillraceError, messageOf } from '../core/errors.ts'
import type { Logger } from '../core/logger.ts'
import type { Finding } from '../log/admin.ts'
import type { Log } from '../log/log.ts'
import { UnsupportedLogUrlError } from './errors.ts'

/** Used when neither the option nor `MILLRACE_URL` says otherwise. */
export const defaultLogUrl = 'file:.millrace/log.db'

/** Checks a URL without opening anything. Throws `UnsupportedLogUrlError`. */
export function checkLogUrl(url: string): void {
  if (url === 'memory:') return
  const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(url)?.[1]?.toLowerCase()
  if (scheme === undefined) throw new UnsupportedLogUrlError(url, 'it has no scheme')
  if (scheme !== 'file') throw new UnsupportedLogUrlError(url, `there is no engine for '${scheme}:'`)
  const { path, options } = readFileUrl(url)
  if (path === '' || path.endsWith('/')) throw new UnsupportedLogUrlError(url, 'it names no file')
  for (const name of options.keys()) {
    if (name !== 'sessionTimeout') throw new UnsupportedLogUrlError(url, `it has no option '${name}'`)
  }
  readSessionTimeout(url, options)
}

/** How soon retention and compaction are done; what is absent has the engine's default. */
export interface CleaningPace {
  readonly intervalMs?: number
  readonly minLagMs?: number
  readonly dirtyRatio?: number
  readonly tombstoneMs?: number
}

/** How a log is opened. */
export interface OpenLogOptions {
  readonly logger: Logger
  /** The environment variable that the URL is from, named by what goes wrong. */
  readonly variable?: string | undefined
  /** Offsets left out after each commit to a partition, so that nobody relies on their density. 0 by default. */
  readonly offsetGap?: number | undefined
  /** Tests clean sooner. */
  readonly cleaning?: CleaningPace | undefined
}

/** The only place that maps a URL to an engine. An engine that is not used is not loaded. */
export async function openLog(
  url: string,
  { logger, variable, offsetGap = 0, cleaning = {} }: OpenLogOptions,
): Promise<Log> {
  checkLogUrl(url)
  const { openEmbeddedLog } = await import('../log/embedded/index.ts')
  const place = url === 'memory:' ? { memory: true } : readPlace(url)
  try {
    return await openEmbeddedLog({ ...place, logger, offsetGap, cleaning })
  } catch (error) {
    // The engine knows a path, and not who gave it: whoever reads the message has to.
    if (variable !== undefined && error instanceof MillraceError) error.message += ` (${variable} is ${url}.)`
    throw error
  }
}

/** What is wrong with a log that was not opened, as far as that shows from outside. Throws `error` where it does not. */
export async function diagnoseUnopened(url: string, error: unknown): Promise<readonly Finding[]> {
  const { diagnoseFromOutside } = await import('../log/embedded/index.ts')
  return await diagnoseFromOutside(filePathOf(url), error)
}

/** The path in a URL that `checkLogUrl` let pass, and that is not `memory:`. */
export function filePathOf(url: string): string {
  return readFileUrl(url).path
}

function readPlace(url: string): { readonly path: string; readonly sessionTimeoutMs?: number } {
  const { path, options } = readFileUrl(url)
  const sessionTimeoutMs = readSessionTimeout(url, options)
  return sessionTimeoutMs === undefined ? { path } : { path, sessionTimeoutMs }
}

/** `file:log.db?sessionTimeout=30s`: how long a process that hangs keeps its partitions. At least half a second. */
function readSessionTimeout(url: string, options: URLSearchParams): number | undefined {
  const text = options.get('sessionTimeout')
  if (text === null) return undefined
  try {
    const durationMs = toMilliseconds(/^\d+$/.test(text) ? Number(text) : (text as Duration))
    if (durationMs >= 500 && Number.isSafeInteger(durationMs)) return durationMs
  } catch {
    // Said below, with the URL.
  }
  throw new UnsupportedLogUrlError(url, `its sessionTimeout '${text}' is no duration of 500ms or more, such as 10s`)
}

/** Throws `UnsupportedLogUrlError`. */
function readFileUrl(url: string): { readonly path: string; readonly options: URLSearchParams } {
  const [, place = '', query = ''] = /^([^?]*)(?:\?(.*))?$/s.exec(url) ?? []
  const options = new URLSearchParams(query)
  if (!/^file:\/\//i.test(place)) return { path: place.slice('file:'.length), options }
  try {
    return { path: decodeURIComponent(new URL(place).pathname), options }
  } catch (error) {
    throw new UnsupportedLogUrlError(url, messageOf(error))
  }
}
