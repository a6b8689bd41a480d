import type { Duration } from '../core/duration.ts'
import type { Log, TopicPartition } from '../log/log.ts'
import { decodeFinished } from '../runtime/commit/progress.ts'
import { dueHeader, idHeader, readDue } from '../runtime/headers.ts'
import { commandId } from '../runtime/parking/answers.ts'
import { commandTopic, encodeCancel } from '../runtime/parking/command.ts'
import type { StoreReader } from '../sql/store-reader.ts'
import { awaitOutcomes, type Told, tellGroups } from './commands.ts'
import type { AppHost } from './host.ts'
import { type GroupLag, readLag } from './operator/groups.ts'
import { readParked } from './operator/parked.ts'
import { checkTaskFilter } from './operator-options.ts'
import { readTopic } from './read-topic.ts'

/** A task before its time. */
export interface DelayedTask extends TopicPartition {
  /** The task's id: what cancels it. */
  readonly id: string
  readonly group: string
  readonly offset: number
  readonly key: string | null
  readonly dueAt: string
}
/** Which delayed tasks; every part that is given must fit. */
export interface DelayedFilter {
  readonly queue?: string
  readonly group?: string
  /** At most so many, those that are due first. No limit by default. */
  readonly limit?: number
}
/** How a delayed task is cancelled. */
export interface CancelOptions extends Omit<DelayedFilter, 'limit'> {
  /** Waits for the worker's answer, at most so long. `'5s'` by default. */
  readonly wait?: Duration
}

/**
 * Tasks that wait for their time, of all workers in the log, from any process that has it open. A group that never was
 * throws `UnknownGroupError`.
 */
export interface DelayedTasks {
  /**
   * Those that are due first, first. Of workers with a database as home it has those alone that they did not read yet: the
   * others wait in that database.
   */
  list(filter?: DelayedFilter): Promise<readonly DelayedTask[]>
  /**
   * Cancels the task of this id, if it waits for its time. `'not-found'` where none does: it has begun, was done or
   * cancelled before, or never was. `'pending'` where its worker has not answered in time, also because it does not run:
   * then the task is cancelled, if it can be, when it does. With `queue` a worker with a database is asked too.
   */
  cancel(id: string, options?: CancelOptions): Promise<'cancelled' | 'not-found' | 'pending'>
}

/** Reads the stores of workers, those in `database` too, and what they have not read yet; cancels by commands. */
export function createDelayedTasks(host: AppHost, database?: StoreReader): DelayedTasks {
  return {
    list: async (which = {}) => {
      checkTaskFilter('delayed.list', which)
      const { limit = Number.POSITIVE_INFINITY, ...filter } = which
      const found = await find(await host.log(), filter, database)
      return found.slice(0, limit).map(({ topicId: _, ...task }) => task)
    },
    cancel: async (id, options = {}) => {
      checkTaskFilter('delayed.cancel', options)
      const { wait = '5s', ...filter } = options
      const log = await host.log()
      const nowMs = host.clock.nowMs()
      const found = (await find(log, filter, database)).filter((task) => task.id === id)
      const told: Told[] = found.map(({ group, topic, topicId, partition, offset }) => {
        const command = { kind: 'cancel', id: commandId(nowMs, host.newId), taskId: id } as const
        return { group, topic, partition, ...encodeCancel({ ...command, place: { topic, topicId, offset } }, nowMs) }
      })
      if (told.length === 0 && filter.queue !== undefined) {
        // Perhaps in a database that only its worker knows: each partition is asked.
        for (const { group, topic, partition } of await placesOf(log, filter)) {
          const command = { kind: 'cancel', id: commandId(nowMs, host.newId), taskId: id } as const
          told.push({ group, topic, partition, ...encodeCancel(command, nowMs) })
        }
      }
      await tellGroups(host, log, told)
      const outcomes = await awaitOutcomes(host, log, told, wait)
      if (outcomes.includes('cancelled')) return 'cancelled'
      return outcomes.includes('pending') ? 'pending' : 'not-found'
    },
  }
}

interface Found extends DelayedTask {
  readonly topicId: string
}

/** Partitions of groups that take commands. */
async function placesOf(log: Log, { queue, group }: DelayedFilter): Promise<readonly GroupLag[]> {
  const topics = new Set((await log.topics()).map(({ name }) => name))
  return (await readLag(log, group)).filter(
    (place) => (queue === undefined || place.topic === queue) && topics.has(commandTopic(place.group)),
  )
}

async function find(log: Log, filter: DelayedFilter, database: StoreReader | undefined): Promise<readonly Found[]> {
  const found = new Map<string, Found>()
  const places = await placesOf(log, filter)
  const topics = await log.topics()
  const add = (task: Found) => found.set(`${task.group}/${task.topic}/${task.partition}/${task.offset}`, task)
  for (const { group, topic: name } of new Map(
    places.map((place) => [`${place.group}/${place.topic}`, place]),
  ).values()) {
    const topic = topics.find((each) => each.name === name)!
    const place = { group, topic: name, topicId: topic.id }
    const partitions = Array.from({ length: topic.partitions }, (_, partition) => ({ topic: name, partition }))
    // Before the stores: what a worker reads meanwhile is found in one of the two.
    const committed = await log.committed(group, partitions)
    const starts = await log.offsets('start', partitions)
    const ahead = committed.map((offset, index) => {
      return offset === undefined
        ? { position: starts[index]!, finished: [] }
        : decodeFinished(offset.position, offset.metadata)
    })
    const from = ahead.map(({ position }, index) => Math.max(position, starts[index]!))
    await readTopic(
      log,
      topic,
      (cursor, partition) => {
        const dueMs = readDue(cursor.headerText(dueHeader))
        const { offset } = cursor
        const isFinished = ahead[partition]!.finished.some(([first, last]) => first <= offset && offset <= last)
        if (dueMs === 0 || isFinished) return
        const id = cursor.headerText(idHeader) || `${topic.id}/${partition}/${offset}`
        add({ ...place, partition, offset, id, key: cursor.keyText(), dueAt: new Date(dueMs).toISOString() })
      },
      from,
    )
    for (const partition of partitions.keys()) {
      const parked = await readParked(log, { group, topic: name, partition }, database)
      for (const { reason, offset, id, laneKey, dueMs } of parked) {
        const isDelayed = reason === 'delayed'
        if (isDelayed) add({ ...place, partition, offset, id, key: laneKey, dueAt: new Date(dueMs).toISOString() })
      }
    }
  }
  return [...found.values()].sort((one, other) => (one.dueAt < other.dueAt ? -1 : 1))
}
