import { fileURLToPath } from 'node:url'
import { UnsupportedDatabaseUrlError } from './errors.ts'

/** Where a database is. */
export type DatabasePlace = { readonly kind: 'memory' } | { readonly kind: 'file'; readonly path: string }

/**
 * `memory:`, or `file:` and a path, taken as it is written (`file:data/app.db`, `file:/var/lib/app.db`), or a file URL
 * with two slashes, decoded (`file:///var/lib/app.db`). Throws `UnsupportedDatabaseUrlError` for anything else.
 */
export function parseDatabaseUrl(url: unknown): DatabasePlace {
  if (url === 'memory:') return { kind: 'memory' }
  if (typeof url !== 'string' || !/^file:./.test(url) || url.includes('\0')) throw new UnsupportedDatabaseUrlError(url)
  if (!url.startsWith('file://')) return { kind: 'file', path: url.slice('file:'.length) }
  try {
    return { kind: 'file', path: fileURLToPath(url) }
  } catch (error) {
    throw new UnsupportedDatabaseUrlError(url, { cause: error })
  }
}
