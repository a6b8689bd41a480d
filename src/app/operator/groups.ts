import type { GroupDescription } from '../../log/admin.ts'
import type { Log, TopicPartition } from '../../log/log.ts'
import { ownPrefix } from '../../runtime/headers.ts'
import { UnknownGroupError } from '../errors.ts'

/** One group. */
export interface GroupSummary {
  readonly group: string
  /** That live now, over all processes. */
  readonly members: readonly { readonly id: string; readonly process: string; readonly partitions: number }[]
  readonly topics: readonly string[]
  readonly lag: number
}
/** How far a group is in one partition. */
export interface GroupLag extends TopicPartition {
  readonly group: string
  /** Everything below is handled, held or delayed. */
  readonly position: number
  readonly end: number
  readonly lag: number
  /** Who has the partition; null where nobody has it. */
  readonly process: string | null
}

/** All that live or that committed something, by name; the framework's relays are none of them. */
export async function listGroups(log: Log): Promise<readonly GroupSummary[]> {
  const groups = await findGroups(log)
  const lags = await lagsOf(log, groups)
  return groups.map(({ group, members }) => {
    const own = lags.filter((each) => each.group === group)
    return {
      group,
      members: members.map(({ id, process, partitions }) => {
        return { id, process, partitions: partitions.filter(({ topic }) => !topic.startsWith(ownPrefix)).length }
      }),
      topics: [...new Set(own.map(({ topic }) => topic))],
      lag: own.reduce((sum, { lag }) => sum + lag, 0),
    }
  })
}

/** By group, topic and partition. Throws `UnknownGroupError` for a group that never was. */
export async function readLag(log: Log, group?: string): Promise<readonly GroupLag[]> {
  const groups = await findGroups(log)
  const wanted = groups.filter((each) => group === undefined || each.group === group)
  if (group !== undefined && wanted.length === 0) {
    throw new UnknownGroupError(
      group,
      groups.map((each) => each.group),
    )
  }
  return lagsOf(log, wanted)
}

async function findGroups(log: Log): Promise<readonly GroupDescription[]> {
  const groups = await log.describeGroups()
  return groups.filter(({ group }) => !group.startsWith('outbox-'))
}

async function lagsOf(log: Log, groups: readonly GroupDescription[]): Promise<readonly GroupLag[]> {
  const topics = new Map((await log.topics()).map(({ name, partitions }) => [name, partitions]))
  const described = await log.describePartitions([...topics.keys()])
  const places = new Map(described.map((each) => [nameOf(each), each]))
  return groups.flatMap(({ group, members, offsets }) => {
    const committed = new Map(offsets.map((offset) => [nameOf(offset), offset.position]))
    const owners = new Map(
      members.flatMap(({ process, partitions }) => partitions.map((each) => [nameOf(each), process] as const)),
    )
    const read = new Set([...offsets.map(({ topic }) => topic), ...members.flatMap((member) => member.topics)])
    const own = [...read].filter((topic) => !topic.startsWith(ownPrefix) && topics.has(topic)).sort()
    return own.flatMap((topic) =>
      Array.from({ length: topics.get(topic)! }, (_, partition) => {
        const name = nameOf({ topic, partition })
        const { start, end } = places.get(name)!
        const position = committed.get(name) ?? start
        const lag = Math.max(0, end - Math.max(position, start))
        return { group, topic, partition, position, end, lag, process: owners.get(name) ?? null }
      }),
    )
  })
}

function nameOf({ topic, partition }: TopicPartition): string {
  return `${topic}/${partition}`
}
