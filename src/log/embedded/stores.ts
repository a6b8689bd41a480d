import type { StoreChanges, StoreEntry, StoreRange } from '../log.ts'
import { reading, type SqlDatabase, type SqlStatement } from './database.ts'
import type { PartitionState } from './partition-state.ts'

/** Changes of one partition of a group's store. */
export interface WrittenStore extends StoreChanges {
  readonly group: string
  readonly state: PartitionState
}

/** The stores of groups: key and value by group, name and partition, in the log's own file. */
export class Stores {
  readonly #path: string
  readonly #find: SqlStatement
  readonly #create: SqlStatement
  readonly #put: SqlStatement
  readonly #remove: SqlStatement
  readonly #range: SqlStatement
  readonly #rangeTo: SqlStatement

  constructor(database: SqlDatabase, path: string) {
    this.#path = path
    const store = `"group" = ? AND name = ? AND partition = ?`
    this.#find = database.prepare(`SELECT number FROM store WHERE ${store}`)
    this.#create = database.prepare(`INSERT INTO store ("group", name, partition) VALUES (?, ?, ?) RETURNING number`)
    this.#put = database.prepare(
      'INSERT INTO store_entry (store, key, value) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET value = excluded.value',
    )
    this.#remove = database.prepare('DELETE FROM store_entry WHERE store = ? AND key = ?')
    const range = 'SELECT key, value FROM store_entry WHERE store = ? AND key >= ?'
    this.#range = database.prepare(`${range} ORDER BY key LIMIT ?`)
    this.#rangeTo = database.prepare(`${range} AND key < ? ORDER BY key LIMIT ?`)
  }

  /** Inside a transaction. Returns how many bytes it wrote. */
  write({ group, store, state, writes }: WrittenStore): number {
    const number = this.#numberOf(group, store, state) ?? this.#made(group, store, state)
    let bytes = 0
    for (const [key, value] of writes) {
      bytes += key.length + (value?.length ?? 0)
      if (value === null) this.#remove.run(number, key)
      else this.#put.run(number, key, value)
    }
    return bytes
  }

  read({ group, store, from, to, limit }: StoreRange, state: PartitionState): readonly StoreEntry[] {
    return reading(this.#path, () => {
      const number = this.#numberOf(group, store, state)
      if (number === undefined) return []
      const rows = to === undefined ? this.#range.all(number, from, limit) : this.#rangeTo.all(number, from, to, limit)
      return rows as [Uint8Array, Uint8Array][]
    })
  }

  #numberOf(group: string, store: string, state: PartitionState): number | undefined {
    return (this.#find.get(group, store, state.number) as [number] | undefined)?.[0]
  }
  #made(group: string, store: string, state: PartitionState): number {
    return (this.#create.get(group, store, state.number) as [number])[0]
  }
}
