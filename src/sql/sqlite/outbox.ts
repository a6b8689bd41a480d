import type { Bytes } from '../../log/records/batch-writer.ts'
import type { Outbox, OutboxRow } from '../../runtime/commit/commit-home.ts'
import type { OutputMessage } from '../../runtime/commit/output.ts'
import type { Connection, Row } from './connection.ts'
import type { Durability } from './durability.ts'
import { decodeHeaders, encodeHeaders } from './outbox-headers.ts'

/** How the outbox reaches its database. */
export interface OutboxAccess {
  readonly durability: Durability
  /** Runs `work` on what is committed. */
  read<T>(work: (connection: Connection) => T): Promise<T>
  /** Runs `work`, one statement, as a transaction of its own. */
  write<T>(work: (connection: Connection) => T): Promise<T>
  /** Another value after each commit of another process; always the same in memory, which no other has. */
  foreignVersion(): unknown
}

/** How often others' commits are looked for while somebody listens: a look takes some microseconds. */
const lookIntervalMs = 10

/** Rows of `millrace_outbox`. What it gives out is durable: the log must not have what a power cut takes back here. */
export class SqliteOutbox implements Outbox {
  readonly #access: OutboxAccess
  readonly #listeners = new Set<() => void>()
  #foreignVersion: unknown
  #timer: NodeJS.Timeout | undefined

  constructor(access: OutboxAccess) {
    this.#access = access
  }

  async read(after: number, maxBytes: number): Promise<readonly OutboxRow[]> {
    const rows = await this.#access.read((connection) => {
      const found: OutboxRow[] = []
      let bytes = 0
      connection.iterate(`select * from millrace_outbox where number > ? order by number`, [after], (row) => {
        const message = toMessage(row)
        bytes += sizeOf(row)
        if (found.length > 0 && bytes > maxBytes) return false
        found.push({ number: Number(row.number), message })
        return true
      })
      return found
    })
    const last = rows.at(-1)
    if (last !== undefined) await this.#access.durability.durableUpTo(last.number)
    return rows
  }

  count(after: number): Promise<number> {
    return this.#access.read((connection) => {
      const { rows } = connection.execute(`select count(*) as rows from millrace_outbox where number > ?`, [after])
      return Number(rows[0]!.rows)
    })
  }

  async remove(upTo: number): Promise<void> {
    await this.#access.write((connection) =>
      connection.execute(`delete from millrace_outbox where number <= ?`, [upTo]),
    )
  }

  lastNumber(): Promise<number> {
    return this.#access.read((connection) => {
      const { rows } = connection.execute(`select seq from sqlite_sequence where name = 'millrace_outbox'`)
      return Number(rows[0]?.seq ?? 0)
    })
  }

  onCommitted(listener: () => void): () => void {
    // Wrapped, so that the same function may listen twice and each is stopped alone.
    const entry = () => listener()
    this.#listeners.add(entry)
    if (this.#timer === undefined) {
      this.#foreignVersion = this.#access.foreignVersion()
      this.#look()
    }
    return () => void this.#listeners.delete(entry)
  }

  #look(): void {
    this.#timer = undefined
    if (this.#listeners.size === 0) return
    const version = this.#access.foreignVersion()
    if (version !== this.#foreignVersion) {
      this.#foreignVersion = version
      this.notify()
    }
    this.#timer = setTimeout(() => this.#look(), lookIntervalMs).unref()
  }

  /** Tells the listeners that a commit left rows. */
  notify(): void {
    for (const listener of this.#listeners) listener()
  }
}

/** Writes messages inside a transaction. Returns the number of the last, 0 for none. */
export function insertOutputs(connection: Connection, outputs: readonly OutputMessage[]): number {
  let number = 0n
  for (const { topic, key, value, headers, timestampMs } of outputs) {
    number = connection.execute(
      `insert into millrace_outbox (topic, key, value, headers, timestamp_ms) values (?, ?, ?, ?, ?)`,
      [topic, key, value, encodeHeaders(headers), timestampMs],
    ).insertId
  }
  return Number(number)
}

function toMessage({ topic, key, value, headers, timestamp_ms }: Row): OutputMessage {
  return {
    topic: topic as string,
    key: key as Bytes,
    value: value as Bytes,
    headers: decodeHeaders(headers as string | null),
    timestampMs: Number(timestamp_ms),
  }
}

function sizeOf({ key, value, headers }: Row): number {
  return ((key as Bytes)?.length ?? 0) + ((value as Bytes)?.length ?? 0) + ((headers as string | null)?.length ?? 0)
}
