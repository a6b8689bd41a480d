import type { Host } from '../runtime/attachment.ts'
import type { DatabasePlace } from './database-url.ts'
import type { SqliteHome } from './sqlite/home.ts'
import { canonicalPath, openHome } from './sqlite/open.ts'
import { systemTiming } from './sqlite/timing.ts'

interface Entry {
  readonly home: Promise<SqliteHome>
  users: number
}
/** A database in use: release it once. */
export interface SharedHome {
  readonly home: SqliteHome
  release(): Promise<void>
}

/** The open databases of each app, by the file's one name: components on one file share its writer and its outbox. */
const opened = new WeakMap<Host, Map<string, Entry>>()

/** The database at a place, opened by the first that asks and closed when the last has released it. */
export async function acquireHome(host: Host, place: DatabasePlace): Promise<SharedHome> {
  const key = place.kind === 'memory' ? 'memory:' : canonicalPath(place.path)
  const homes = opened.get(host) ?? new Map<string, Entry>()
  opened.set(host, homes)
  let entry = homes.get(key)
  if (entry === undefined) {
    const { logger, clock, newId } = host
    const canonical: DatabasePlace = place.kind === 'memory' ? place : { kind: 'file', path: key }
    entry = { home: openHome({ place: canonical, timing: systemTiming(clock), logger, newId }), users: 0 }
    homes.set(key, entry)
  }
  const shared = entry
  shared.users++
  const release = async (): Promise<void> => {
    shared.users--
    if (shared.users > 0) return
    if (homes.get(key) === shared) homes.delete(key)
    const home = await shared.home.catch(() => undefined)
    await home?.close()
  }
  try {
    return { home: await shared.home, release }
  } catch (error) {
    await release()
    throw error
  }
}
