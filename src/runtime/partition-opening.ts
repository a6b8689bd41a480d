import type { Lease, Log } from '../log/log.ts'
import type { AnyDefinition } from '../topics/types.ts'
import type { Host } from './attachment.ts'
import type { Checkpoint, DatabaseHome } from './commit/commit-home.ts'
import { findStartingPoint } from './commit/starting-point.ts'
import type { ConsumerSpecification } from './consumer-specification.ts'
import { Answers } from './parking/answers.ts'
import { Deduplication } from './parking/deduplication.ts'
import { Parking } from './parking/parking.ts'
import type { ReadStore } from './parking/store-buffer.ts'
import { PartitionTask, type TaskOwner } from './partition-task.ts'
import type { StorageRetry } from './storage-retry.ts'

/** What a consumer opens its partitions with. */
export interface PartitionOpening {
  readonly host: Host
  readonly log: Log
  readonly home: DatabaseHome | undefined
  readonly specification: ConsumerSpecification
  readonly owner: TaskOwner
  /** Reads a store again that does not answer at the moment, as soon as the partition is open. */
  readonly storage: StorageRetry
}

/** The task of a partition that was assigned: where it goes on, and what an earlier owner parked, as they were committed. */
export async function openPartition(
  { host, log, home, specification, owner, storage }: PartitionOpening,
  lease: Lease,
  source: AnyDefinition,
): Promise<{ readonly task: PartitionTask; readonly isNew: boolean }> {
  const topicId = host.knownTopic(lease.topic)!.id
  const { progress, checkpoint, isNew } = await findStartingPoint({
    log,
    home,
    specification,
    partition: lease,
    topicId,
  })
  let isOpen = false
  const patient = (read: ReadStore): ReadStore => {
    return (range) => (isOpen ? storage.run(() => read(range)) : read(range))
  }
  const stores = { log, home, group: specification.group, lease }
  const parking = new Parking({
    clock: host.clock,
    read: patient(storeReader({ ...stores, checkpoint })),
    due: (record) => owner.due(task, record),
  })
  await parking.load()
  isOpen = true
  const { clock, logger } = host
  const { deduplicateMs } = source['~definition'].parts
  const answers = new Answers(patient(storeReader({ ...stores, checkpoint: undefined })))
  const task: PartitionTask = new PartitionTask({
    lease,
    source,
    topicId,
    checkpoint,
    progress,
    parking,
    answers,
    deduplication:
      deduplicateMs === undefined
        ? undefined
        : new Deduplication({ buffer: parking.buffer, windowMs: deduplicateMs, clock, logger }),
    owner,
  })
  return { task, isNew }
}

/** The stores of a partition are where its component commits. */
function storeReader(of: {
  readonly log: Log
  readonly home: DatabaseHome | undefined
  readonly group: string
  readonly lease: Lease
  readonly checkpoint: Checkpoint | undefined
}): ReadStore {
  const { log, home, group, checkpoint } = of
  const { topic, partition } = of.lease
  if (checkpoint !== undefined) return (range) => home!.readStore(checkpoint.key, range)
  return (range) => log.readStore({ ...range, group, topic, partition })
}
