import type { CommittedOffset } from '../log.ts'
import type { SqlDatabase, SqlStatement } from './database.ts'
import type { PartitionState } from './partition-state.ts'

/** One row, written and not yet durable. */
export interface WrittenOffset extends CommittedOffset {
  readonly group: string
  readonly partition: PartitionState
}

/**
 * Committed offsets by group and partition. The table keeps them; memory shows the durable ones: what a power cut could
 * take back is not told to anybody.
 */
export class CommittedOffsets {
  readonly #write: SqlStatement
  readonly #read: SqlStatement
  readonly #all: SqlStatement
  readonly #durable = new Map<string, Map<number, CommittedOffset>>()

  constructor(database: SqlDatabase) {
    this.#write = database.prepare(
      `INSERT INTO committed_offset ("group", partition, position, metadata) VALUES (?, ?, ?, ?)
       ON CONFLICT DO UPDATE SET position = excluded.position, metadata = excluded.metadata`,
    )
    this.#read = database.prepare('SELECT position, metadata FROM committed_offset WHERE "group" = ? AND partition = ?')
    this.#all = database.prepare('SELECT "group", partition, position, metadata FROM committed_offset')
  }

  /**
   * Takes in what the file has, once, when what others write from now on is noticed. Before that, a process that commits
   * and dies in between would leave an older position here for good, and what follows it would be done again.
   */
  load(): void {
    for (const [group, partition, position, metadata] of this.#all.all() as [string, number, number, string][]) {
      this.#set(group, partition, { position, metadata })
    }
  }

  write({ group, partition, position, metadata }: WrittenOffset): void {
    this.#write.run(group, partition.number, position, metadata)
  }

  /** What was written is durable now. */
  publish({ group, partition, position, metadata }: WrittenOffset): void {
    this.#set(group, partition.number, { position, metadata })
  }

  /** As it stands in the file: another process may have written it, and it may not be durable yet. */
  read(group: string, partition: PartitionState): CommittedOffset | undefined {
    const row = this.#read.get(group, partition.number) as [number, string] | undefined
    return row === undefined ? undefined : { position: row[0], metadata: row[1] }
  }

  find(group: string, partition: PartitionState): CommittedOffset | undefined {
    return this.#durable.get(group)?.get(partition.number)
  }

  #set(group: string, partition: number, offset: CommittedOffset): void {
    let offsets = this.#durable.get(group)
    if (offsets === undefined) {
      offsets = new Map()
      this.#durable.set(group, offsets)
    }
    offsets.set(partition, offset)
  }
}
