import type { Retention } from '../log.ts'
import { reading, type SqlDatabase, type SqlStatement } from './database.ts'

type Row = [name: string, timeMs: number | null, bytes: number | null]

/** How long topics keep their records. Read from the file each time: another process may have altered it. */
export class Retentions {
  readonly #path: string
  readonly #find: SqlStatement
  readonly #select: SqlStatement
  readonly #update: SqlStatement

  constructor(database: SqlDatabase, path: string) {
    this.#path = path
    this.#find = database.prepare('SELECT name, retention_ms, retention_bytes FROM topic WHERE name = ?')
    this.#select = database.prepare(
      `SELECT name, retention_ms, retention_bytes FROM topic
       WHERE retention_ms IS NOT NULL OR retention_bytes IS NOT NULL ORDER BY number`,
    )
    this.#update = database.prepare('UPDATE topic SET retention_ms = ?, retention_bytes = ? WHERE name = ?')
  }

  of(topic: string): Retention {
    const row = reading(this.#path, () => this.#find.get(topic) as Row | undefined)
    return row === undefined ? {} : toRetention(row)
  }

  /** Of the topics that have one. */
  all(): ReadonlyMap<string, Retention> {
    const rows = reading(this.#path, () => this.#select.all() as Row[])
    return new Map(rows.map((row) => [row[0], toRetention(row)]))
  }

  /** In the caller's transaction. */
  alter(topic: string, { timeMs, bytes }: Retention): void {
    this.#update.run(timeMs ?? null, bytes ?? null, topic)
  }
}

/** Both set the same limits. */
export function sameRetention(one: Retention, other: Retention): boolean {
  return one.timeMs === other.timeMs && one.bytes === other.bytes
}

function toRetention([, timeMs, bytes]: Row): Retention {
  return { ...(timeMs === null ? {} : { timeMs }), ...(bytes === null ? {} : { bytes }) }
}
