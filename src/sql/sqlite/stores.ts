import type { CheckpointKey, PartitionStoreWrites, StoreReadRange } from '../../runtime/commit/commit-home.ts'
import type { Connection } from './connection.ts'

/** Writes a partition's entries, inside the transaction that moves its checkpoint. */
export function writeStores(connection: Connection, key: CheckpointKey, stores: readonly PartitionStoreWrites[]): void {
  const { group, topic, partition } = key
  for (const { store, writes } of stores) {
    for (const [entry, value] of writes) {
      if (value === null) {
        connection.execute(
          `delete from millrace_store where group_name = ? and topic = ? and partition = ? and store = ? and key = ?`,
          [group, topic, partition, store, entry],
        )
      } else {
        connection.execute(
          `insert into millrace_store (group_name, topic, partition, store, key, value) values (?, ?, ?, ?, ?, ?)
            on conflict do update set value = excluded.value`,
          [group, topic, partition, store, entry, value],
        )
      }
    }
  }
}

/** Entries in the order of their keys. */
export function readStore(
  connection: Connection,
  { group, topic, partition }: Pick<CheckpointKey, 'group' | 'topic' | 'partition'>,
  { store, from, to, limit }: StoreReadRange,
): readonly (readonly [Uint8Array, Uint8Array])[] {
  const upTo = to === undefined ? '' : ' and key < ?'
  const { rows } = connection.execute(
    `select key, value from millrace_store
      where group_name = ? and topic = ? and partition = ? and store = ? and key >= ?${upTo} order by key limit ?`,
    [group, topic, partition, store, from, ...(to === undefined ? [] : [to]), limit],
  )
  return rows.map((row) => [row.key as Uint8Array, row.value as Uint8Array])
}
