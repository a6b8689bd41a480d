import { UnknownTopicError } from '../../log/errors.ts'
import type { Log, Topic } from '../../log/log.ts'
import { ownPrefix } from '../../runtime/headers.ts'
import { type GroupLag, readLag } from './groups.ts'

/** One topic or queue. */
export interface TopicSummary {
  readonly name: string
  readonly partitions: number
  /** From the first offset to the end; less where offsets were skipped or compacted away. */
  readonly records: number
  readonly sizeBytes: number
  readonly compacted: boolean
  /** Absent limits are none. */
  readonly retention: { readonly timeMs?: number; readonly bytes?: number }
  /** The framework's own. */
  readonly isInternal: boolean
}
/** One topic with its partitions and who reads it. */
export interface TopicDescription extends Omit<TopicSummary, 'partitions'> {
  readonly partitions: readonly {
    readonly partition: number
    readonly start: number
    readonly end: number
    readonly sizeBytes: number
  }[]
  readonly groups: readonly GroupLag[]
}

/** All of them, by name. */
export async function listTopics(log: Log): Promise<readonly TopicSummary[]> {
  const topics = await log.topics()
  const partitions = await log.describePartitions(topics.map(({ name }) => name))
  return topics
    .map(({ name, partitions: count, compacted, retention }) => {
      const own = partitions.filter(({ topic }) => topic === name)
      const records = own.reduce((sum, { start, end }) => sum + end - start, 0)
      const sizeBytes = own.reduce((sum, each) => sum + each.sizeBytes, 0)
      return { name, partitions: count, records, sizeBytes, compacted, retention, isInternal: isInternal(name) }
    })
    .sort((one, other) => (one.name < other.name ? -1 : 1))
}

/** One of them. Throws `UnknownTopicError`. */
export async function describeTopic(log: Log, name: string): Promise<TopicDescription> {
  const summary = (await listTopics(log)).find((topic) => topic.name === name)
  if (summary === undefined) throw unknownTopic(name, await log.topics())
  const partitions = await log.describePartitions([name])
  const groups = (await readLag(log)).filter(({ topic }) => topic === name)
  return {
    ...summary,
    partitions: partitions.map(({ partition, start, end, sizeBytes }) => ({ partition, start, end, sizeBytes })),
    groups,
  }
}

/** The topic of this name. Throws `UnknownTopicError`, which names those that there are. */
export async function findTopic(log: Log, name: string): Promise<Topic> {
  const topics = await log.topics()
  const topic = topics.find((each) => each.name === name)
  if (topic === undefined) throw unknownTopic(name, topics)
  return topic
}

function unknownTopic(name: string, topics: readonly Topic[]): UnknownTopicError {
  const known = topics.map((each) => each.name).filter((each) => !isInternal(each))
  return new UnknownTopicError(name, { known: known.sort() })
}

/** Whether a topic is the framework's own. */
export function isInternal(topic: string): boolean {
  return topic.startsWith(ownPrefix)
}
