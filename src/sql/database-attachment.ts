import type { Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'
import type { Attachment, Guarantee, Host, Unsettled } from '../runtime/attachment.ts'
import type { AnyDefinition } from '../topics/types.ts'
import type { DatabasePlace } from './database-url.ts'
import { DatabaseClosedError } from './errors.ts'
import { runMigrations } from './migrations.ts'
import { acquireHome, type SharedHome } from './shared-homes.ts'
import { createHandle } from './sqlite/driver.ts'
import type { SqliteHome } from './sqlite/home.ts'

/** What `database()` was called with, checked, and the app that it was added to. */
export interface DatabaseSettings {
  readonly name: string
  readonly host: Host
  /** Throws when the app's URL is of no use. */
  readonly place: () => DatabasePlace
  readonly migrations: Readonly<Record<string, Migration>>
  readonly timeoutMs: number
}

/**
 * A database in an app.
 *
 * States: *attached* → *opening* at `start`, `home` or the first statement (open the file, run the migrations) → *open*
 * → *closed*, for good. An opening that fails is tried again by the next call.
 */
export class DatabaseAttachment<Tables> implements Attachment<Kysely<Tables>> {
  readonly handle: Kysely<Tables>
  readonly definitions: readonly AnyDefinition[] = []
  readonly guarantees: readonly Guarantee[] = []
  readonly #settings: DatabaseSettings
  #opening: Promise<SharedHome> | undefined
  #open: SqliteHome | undefined
  #closed = false

  constructor(settings: DatabaseSettings) {
    this.#settings = settings
    const target = () => this.#openHome().target(this.#who)
    this.handle = createHandle<Tables>({
      ready: async () => void (await this.#opened()),
      refuseInHandler: () => this.#openHome().refuseInHandler(),
      begin: () => target().begin(),
      read: (sql, parameters) => target().read(sql, parameters),
      write: (sql, parameters, signal) => target().write(sql, parameters, signal),
    })
  }

  readonly home = async (): Promise<SqliteHome> => (await this.#opened()).home

  async start(): Promise<void> {
    await this.#opened()
  }

  /** The database stays usable until `close`: components that stop commit in it. */
  async stop(): Promise<void> {}

  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    const shared = await this.#opening?.catch(() => undefined)
    await shared?.release()
  }

  async unsettled(): Promise<readonly Unsettled[]> {
    return []
  }

  get #who() {
    return { who: `database '${this.#settings.name}'`, timeoutMs: this.#settings.timeoutMs }
  }

  #openHome(): SqliteHome {
    if (this.#closed || this.#open === undefined) throw this.#closedError()
    return this.#open
  }

  #opened(): Promise<SharedHome> {
    if (this.#closed) return Promise.reject(this.#closedError())
    this.#opening ??= this.#acquire().catch((error) => {
      this.#opening = undefined
      throw error
    })
    return this.#opening
  }

  async #acquire(): Promise<SharedHome> {
    const { name, host, place, migrations, timeoutMs } = this.#settings
    const shared = await acquireHome(host, place())
    try {
      shared.home.allowTransactionsOf(timeoutMs)
      const handle = shared.home.createHandle<Tables>({ who: `the migrations of '${name}'`, timeoutMs: undefined })
      await runMigrations({ database: name, location: shared.home.location, handle, migrations })
    } catch (error) {
      await shared.release()
      throw error
    }
    this.#open = shared.home
    return shared
  }

  #closedError(): DatabaseClosedError {
    return new DatabaseClosedError(`'${this.#settings.name}'`)
  }
}
