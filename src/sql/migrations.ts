import type { Kysely } from 'kysely'
import { type Migration, Migrator } from 'kysely/migration'
import { MigrationError } from './errors.ts'

/** What to migrate, and where. */
export interface MigrationRun<Tables> {
  /** Name of the database component: each keeps its own list, so that services may share a file. */
  readonly database: string
  readonly location: string
  readonly handle: Kysely<Tables>
  readonly migrations: Readonly<Record<string, Migration>>
}

/**
 * Runs the migrations that did not run before, in the order of their names, in one transaction: all of them or none.
 * Which ones ran is kept in `millrace_migration_<database>`. Throws `MigrationError`.
 */
export async function runMigrations<Tables>(run: MigrationRun<Tables>): Promise<void> {
  const { database, location, handle, migrations } = run
  if (Object.keys(migrations).length === 0) return
  const migrator = new Migrator({
    db: handle,
    provider: { getMigrations: async () => ({ ...migrations }) },
    migrationTableName: `millrace_migration_${database}`,
    migrationLockTableName: `millrace_migration_${database}_lock`,
  })
  const { error, results } = await migrator.migrateToLatest()
  if (error === undefined) return
  const failed = results?.find(({ status }) => status === 'Error')
  throw new MigrationError({ database, location, migration: failed?.migrationName, cause: error })
}
