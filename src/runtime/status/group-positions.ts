import type { TopicPartition } from '../../log/log.ts'
import type { Host } from '../attachment.ts'
import { describeTask } from '../partition-task.ts'

/** Where a group is in one partition. */
export interface GroupPosition extends TopicPartition {
  /** `order-events/3`. */
  readonly name: string
  readonly position: number
  /** Where the partition ends: the group has caught up when its position is there. */
  readonly end: number
}

/** Where a group is in every partition of its topics: ours as `position` says, others' as committed, else at the start. */
export async function readGroupPositions(
  host: Pick<Host, 'log' | 'knownTopic'>,
  member: {
    readonly group: string
    readonly topics: readonly string[]
    /** By the partition's name; undefined for one that is not ours. */
    readonly position: (name: string) => number | undefined
  },
): Promise<readonly GroupPosition[]> {
  const log = await host.log()
  const partitions = member.topics.flatMap((topic) => {
    return Array.from({ length: host.knownTopic(topic)?.partitions ?? 0 }, (_, partition) => ({ topic, partition }))
  })
  const ends = await log.offsets('end', partitions)
  const seen = new Map<string, number>()
  const others = partitions.filter((partition) => {
    const position = member.position(describeTask(partition))
    if (position !== undefined) seen.set(describeTask(partition), position)
    return position === undefined
  })
  if (others.length > 0) {
    const offsets = await log.committed(member.group, others)
    const starts = await log.offsets('start', others)
    others.forEach((partition, index) => {
      // A position below the start means the start: what is between them was deleted.
      seen.set(describeTask(partition), Math.max(offsets[index]?.position ?? 0, starts[index]!))
    })
  }
  return partitions.map((partition, index) => {
    const name = describeTask(partition)
    // Partitions come and go while this looks: where it is now, else where it was seen.
    return { ...partition, name, position: member.position(name) ?? seen.get(name)!, end: ends[index]! }
  })
}
