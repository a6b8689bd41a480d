import { MillraceError } from '../../core/errors.ts'
import type { Schema } from '../../core/schema.ts'
import type { TopicPartition } from '../../log/log.ts'
import type { RecordFields, RecordHeader } from '../../log/records/batch-writer.ts'
import { bytes } from '../../topics/codec.ts'
import { DefinitionCore } from '../../topics/definition.ts'
import type { AnyTopic } from '../../topics/types.ts'
import type { Attempt } from '../attempt.ts'
import type { Route } from '../consumer-specification.ts'
import type { Delivery } from '../delivery.ts'
import { recordOf } from '../delivery.ts'
import { attemptHeader, errorHeader, idHeader, originHeader } from '../headers.ts'
import type { PartitionTask } from '../partition-task.ts'
import type { Origin } from './dead-letter.ts'

/** A record of a redrive topic that is not one of ours, or of a partition that its group does not have. */
export class InvalidRedriveError extends MillraceError {
  readonly code = 'INVALID_REDRIVE'
  constructor(group: string, what: string) {
    super(`A redrive for '${group}' cannot be done: ${what}.`)
  }
}

/** The topic by which a group is told to handle a dead letter again. */
export function redriveTopicName(group: string): string {
  return `millrace-redrive-${group}`
}

const anything: Schema = { '~standard': { version: 1, vendor: 'millrace', validate: (value) => ({ value }) } }

/** The redrive topic as a source of its group: bytes as they are, in any shape. */
export function redriveTopic(group: string, partitions: number): AnyTopic {
  const name = redriveTopicName(group)
  const core = new DefinitionCore({
    kind: 'topic',
    name,
    schema: anything,
    codec: bytes(),
    discriminator: 'type',
    partitions,
    exactPartitions: false,
  })
  return { kind: 'topic', name, '~definition': core }
}

/** What a redrive asks for: the dead letter's record for its origin's partition, without what its death added. */
export interface Redrive {
  readonly origin: Origin
  readonly id: string
  readonly fields: RecordFields
}

/** Reads a record of the redrive topic. Throws `InvalidRedriveError`. */
export function readRedrive(delivery: Delivery, group: string): Redrive {
  const fields = recordOf(delivery)
  const own = new Set([originHeader, attemptHeader, errorHeader])
  const headers: RecordHeader[] = []
  let origin: Origin | undefined
  for (const header of fields.headers ?? []) {
    if (header[0] === originHeader) origin = parseOrigin(String(header[1]))
    if (!own.has(header[0])) headers.push(header)
  }
  if (origin === undefined) throw new InvalidRedriveError(group, `its header ${originHeader} is missing or not ours`)
  const id = headers.find(([name]) => name === idHeader)?.[1]
  if (id === undefined || id === null) throw new InvalidRedriveError(group, `its header ${idHeader} is missing`)
  return { origin, id: String(id), fields: { ...fields, headers } }
}

/** The header's JSON, or undefined where it is not ours. */
export function parseOrigin(text: string): Origin | undefined {
  try {
    const origin = JSON.parse(text) as Partial<Origin> | null
    const isOurs =
      typeof origin?.group === 'string' &&
      typeof origin.topic === 'string' &&
      typeof origin.death === 'string' &&
      Number.isInteger(origin.partition)
    return isOurs ? (origin as Origin) : undefined
  } catch {
    return undefined
  }
}

/** How a group handles the records of its redrive topic: outside of middleware, committed with the partition they are for. */
export function redriveRoute(
  group: string,
  {
    taskOf,
    redrive: carryOut,
  }: {
    readonly taskOf: (place: TopicPartition) => PartitionTask | undefined
    readonly redrive: (redrive: Redrive, task: PartitionTask) => Promise<void>
  },
): Route {
  return {
    handle: async (_event, context) => {
      const redrive = readRedrive((context as Attempt).delivery, group)
      const { topic, partition } = redrive.origin
      const task = taskOf({ topic, partition })
      if (task === undefined) throw new InvalidRedriveError(group, `${topic}/${partition} is not its partition`)
      await carryOut(redrive, task)
    },
    retry: { attempts: 1, delayMs: 0, maxDelayMs: 0 },
    timeoutMs: 60_000,
    isInternal: true,
  }
}
