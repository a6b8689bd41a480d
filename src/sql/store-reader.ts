import { statSync } from 'node:fs'
import type { CheckpointKey, StoreReadRange } from '../runtime/commit/commit-home.ts'
import { parseDatabaseUrl } from './database-url.ts'
import { type Connection, SqliteConnection } from './sqlite/connection.ts'
import { readDatabaseId } from './sqlite/schema.ts'
import { readStore } from './sqlite/stores.ts'

/** The stores that groups keep in a database, for people who look into it. */
export interface StoreReader {
  /** Entries in the order of their keys, as committed last. */
  read(
    place: Pick<CheckpointKey, 'group' | 'topic' | 'partition'>,
    range: StoreReadRange,
  ): readonly (readonly [key: Uint8Array, value: Uint8Array])[]
  close(): void
}

/**
 * Opens a database to read alone: nothing in it is made or changed. Undefined where there is no file, or no store in it.
 *
 * @throws UnsupportedDatabaseUrlError, DatabaseOpenError, NotADatabaseError, DatabaseVersionError
 */
export function openStoreReader(url: string): StoreReader | undefined {
  const place = parseDatabaseUrl(url)
  if (place.kind === 'memory' || statSync(place.path, { throwIfNoEntry: false }) === undefined) return undefined
  const connection: Connection = new SqliteConnection(place.path, { readOnly: true })
  try {
    if (readDatabaseId(connection, url) !== undefined) {
      return { read: (key, range) => readStore(connection, key, range), close: () => connection.close() }
    }
  } catch (error) {
    connection.close()
    throw error
  }
  connection.close()
  return undefined
}
