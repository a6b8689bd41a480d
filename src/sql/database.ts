import type { Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'
import { type Duration, toMilliseconds } from '../core/duration.ts'
import { FaultList } from '../core/faults.ts'
import { isName, nameRule } from '../core/names.ts'
import type { AttachableComponent, Attachment, Host } from '../runtime/attachment.ts'
import { DatabaseAttachment } from './database-attachment.ts'
import { type DatabasePlace, parseDatabaseUrl } from './database-url.ts'

/** Options of `database()`. All have defaults. */
export interface DatabaseOptions {
  /** `file:` and a path, or `memory:`. By default `DATABASE_URL`, else `file:.millrace/app.db`; `memory:` in a test app. */
  readonly url?: string
  /** By name; run at the start in the order of their names, in one transaction. A name that ran once stays in the list. */
  readonly migrations?: Readonly<Record<string, Migration>>
  /** How long a transaction may be open; then it is rolled back. `'30s'` by default. On a shared file the longest counts. */
  readonly transactionTimeout?: Duration
}

/** A database of the user's. Its handle is Kysely itself. */
export interface Database<Tables> extends AttachableComponent<Kysely<Tables>> {
  readonly kind: 'database'
  readonly '~tables'?: (tables: Tables) => Tables
}

/**
 * Defines a database: SQLite, through Kysely. As `database` of a subscriber, a worker or a command it is where they
 * commit: rows written with `tx`, the record's checkpoint and everything published, in one transaction.
 *
 * **The handle** is Kysely. Outside of handlers it reads and writes as usual; `db.transaction()` works. Inside a handler
 * on the same database a statement on it throws `OuterHandleError`: use `tx`. Inside `db.transaction()` use its `tx` too: a
 * write on the handle there waits for that transaction until its deadline. Databases of one app with the same file
 * share one connection and one outbox. Migrations have run when a statement runs.
 *
 * **Writers take turns.** SQLite has one writer a file: a transaction opens at its first statement, holds the lock until
 * it ends, and is rolled back when it is open longer than `transactionTimeout`. In a file, reads wait for nobody; in
 * memory they wait for the writer. In a file, temporary tables and pragmas of the writing connection are not seen by reads.
 *
 * **Values.** `true` and `false` are written as 1 and 0 and read as numbers. Whole numbers are stored as INTEGER and
 * read as `number`, beyond 2^53 as `bigint`. `undefined`, NaN, a `Date` and objects throw `InvalidParameterError`.
 * Blobs are `Uint8Array`. `stream()` reads all rows first.
 *
 * A commit that a handler or command made is on disk before it is acknowledged. One of `db.transaction()` outside of
 * handlers is safe against a crash of the process at once, and against a power cut with the next commit that waits.
 *
 * @throws InvalidOptionsError with every fault of the options.
 * @example
 * ```ts
 * interface Tables {
 *   payments: { order_id: string; amount: number }
 * }
 * const payments = database<Tables>('payments', {
 *   migrations: {
 *     '001-payments': { up: (db) => db.schema.createTable('payments').addColumn('order_id', 'text').addColumn('amount', 'integer').execute() },
 *   },
 * })
 * ```
 */
export function database<Tables>(name: string, options: DatabaseOptions = {}): Database<Tables> {
  const { url, migrations = {}, transactionTimeout = '30s' } = options
  const faults = new FaultList()
  faults.expectOnly(options, known)
  faults.expect(isName(name), 'name', nameRule)
  const place = url === undefined ? undefined : faults.attempt('url', () => parseDatabaseUrl(url))
  const timeoutMs = faults.attempt('transactionTimeout', () => toMilliseconds(transactionTimeout))
  faults.expect(timeoutMs !== 0, 'transactionTimeout', 'expected more than 0')
  for (const [migration, { up }] of Object.entries(migrations)) {
    faults.expect(typeof up === 'function', `migrations.${migration}`, 'expected an object with a function up')
  }
  faults.throwIfAny(`Database '${String(name)}'`)
  const component: Database<Tables> = {
    kind: 'database',
    name,
    describe: () => `database '${name}' at ${describePlace(place)}`,
    '~attach': (host: Host): Attachment<Kysely<Tables>> =>
      new DatabaseAttachment<Tables>({
        name,
        host,
        place: () => place ?? parseDatabaseUrl(host.databaseUrl),
        migrations,
        timeoutMs: timeoutMs!,
      }),
  }
  return component
}

const known: Record<keyof DatabaseOptions, true> = { url: true, migrations: true, transactionTimeout: true }

function describePlace(place: DatabasePlace | undefined): string {
  if (place === undefined) return "the app's DATABASE_URL"
  return place.kind === 'memory' ? 'memory:' : `file:${place.path}`
}
