import type { Host } from '../../runtime/attachment.ts'
import { encodePlain } from '../../runtime/commit/outgoing.ts'
import { KeylessRotation, Stager } from '../../runtime/commit/stager.ts'
import type { PublishOptions } from '../../runtime/context.ts'
import { OwnTopicError } from '../errors.ts'
import { findTopic, isInternal } from './topics.ts'

/** Records by hand: values as they are, all with the same key and headers. */
export interface PlainPublish {
  readonly topic: string
  readonly key: string | null
  readonly values: readonly string[]
  readonly options?: PublishOptions
}

/** Appends all of them in one commit. Throws `UnknownTopicError`, `OwnTopicError`, `InvalidPublishOptionsError`, `KeyRequiredError`. */
export async function publishPlain(
  host: Host,
  { topic, key, values, options = {} }: PlainPublish,
): Promise<readonly { readonly partition: number; readonly id: string }[]> {
  if (isInternal(topic)) throw new OwnTopicError(topic)
  const log = await host.log()
  const known = await findTopic(log, topic)
  const stager = new Stager(() => known, rotation)
  const placed = values.map((value) => {
    const message = encodePlain({ topic, key, value }, host, options)
    return { partition: stager.add(message), id: message.id }
  })
  rotation.endUnit()
  if (placed.length > 0) await log.commit({ batches: stager.take() })
  return placed
}

/** Of the process: several calls spread their records too. */
const rotation = new KeylessRotation()
