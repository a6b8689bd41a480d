import type { Log, TopicPartition } from '../../log/log.ts'
import type { ConsumerSpecification } from '../consumer-specification.ts'
import { LogRewoundError } from '../errors.ts'
import type { Checkpoint, DatabaseHome } from './commit-home.ts'
import { decodeFinished, type Progress } from './progress.ts'

/** Where a component goes on in a partition. */
export interface StartingPoint {
  readonly progress: Progress
  /** Of a database as commit home, claimed. */
  readonly checkpoint: Checkpoint | undefined
  /** The group has no position yet: it begins where its `start` says. */
  readonly isNew: boolean
}

/** What is asked. */
export interface StartingPointQuery {
  readonly log: Log
  readonly home: DatabaseHome | undefined
  readonly specification: Pick<ConsumerSpecification, 'group' | 'startAt'>
  readonly partition: TopicPartition
  readonly topicId: string
}

/**
 * The database's checkpoint, or the group's offset; else where a new group begins. Throws `CheckpointLogError` and, for
 * a position that the log does not have, `LogRewoundError`.
 */
export async function findStartingPoint(query: StartingPointQuery): Promise<StartingPoint> {
  const { log, home, specification, topicId } = query
  const { topic, partition } = query.partition
  const { group, startAt } = specification
  const checkpoint = await home?.claim({ group, logId: log.id, topic, topicId, partition })
  const progress = checkpoint === undefined ? await readOffset(query) : checkpoint.progress
  if (progress === undefined) {
    const start = startAt === 'earliest' ? 'start' : startAt === 'latest' ? 'end' : startAt
    const [position] = await log.offsets(start, [query.partition])
    return { progress: { position: position!, finished: [] }, checkpoint, isNew: true }
  }
  const [end] = await log.offsets('end', [query.partition])
  // From there on it would read nothing until the log has grown past it, and never what comes before.
  if (progress.position > end!) {
    throw new LogRewoundError({ group, topic, partition, position: progress.position, end: end! })
  }
  // What is deleted since is nobody's: the group goes on at the first record there is.
  const [first] = await log.offsets('start', [query.partition])
  return { progress: { ...progress, position: Math.max(progress.position, first!) }, checkpoint, isNew: false }
}

async function readOffset({ log, specification, partition }: StartingPointQuery): Promise<Progress | undefined> {
  const [committed] = await log.committed(specification.group, [partition])
  return committed && decodeFinished(committed.position, committed.metadata)
}
