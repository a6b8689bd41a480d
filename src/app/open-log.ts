import { messageOf } from '../core/errors.ts'
import type { Logger } from '../core/logger.ts'
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
  let path: string
  try {
    path = filePath(url)
  } catch (error) {
    throw new UnsupportedLogUrlError(url, messageOf(error))
  }
  if (path === '' || path.endsWith('/')) throw new UnsupportedLogUrlError(url, 'it names no file')
}

/** The only place that maps a URL to an engine. An engine that is not used is not loaded. */
export async function openLog(url: string, { logger }: { readonly logger: Logger }): Promise<Log> {
  checkLogUrl(url)
  const { openEmbeddedLog } = await import('../log/embedded/index.ts')
  return openEmbeddedLog(url === 'memory:' ? { memory: true, logger } : { path: filePath(url), logger })
}

function filePath(url: string): string {
  if (/^file:\/\//i.test(url)) return decodeURIComponent(new URL(url).pathname)
  return url.slice('file:'.length)
}
