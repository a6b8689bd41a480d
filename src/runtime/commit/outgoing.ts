import type { Clock } from '../../core/clock.ts'
import { toMilliseconds } from '../../core/duration.ts'
import { messageOf } from '../../core/errors.ts'
import { idRule, isId, type NewId } from '../../core/ids.ts'
import type { Bytes, RecordHeader } from '../../log/records/batch-writer.ts'
import { NoKeyError } from '../../topics/errors.ts'
import type { AnyDefinition } from '../../topics/types.ts'
import type { PublishOptions, SendOptions } from '../context.ts'
import { InvalidPublishOptionsError, RecordTooLargeError } from '../errors.ts'
import { deduplicateHeader, dueHeader, idHeader, ownPrefix, traceHeader, versionHeader } from '../headers.ts'
import type { OutputMessage } from './output.ts'

/** Key, value and headers of one record together: what one commit and one read take into memory at least. */
const mostRecordBytes = 16 << 20
/** A shorter text is taken for ASCII: it has three times as many bytes at most. */
const measuredFromLength = 64 << 10

/** An `OutputMessage` with its id at hand. */
export interface Outgoing extends OutputMessage {
  readonly id: string
}

/** What an outgoing record takes from where it is made. */
export interface OutgoingSource {
  readonly clock: Clock
  readonly newId: NewId
  /** Of the record whose handler puts it out. */
  readonly traceparent?: string | undefined
}

/**
 * Checks and encodes one event or task. Throws `InvalidEventError` and `InvalidPublishOptionsError`, each with every
 * fault, and `RecordTooLargeError`.
 */
export function encodeOutgoing(
  definition: AnyDefinition,
  input: unknown,
  source: OutgoingSource,
  options?: SendOptions,
): Outgoing {
  const { key, value } = definition['~definition'].encode(input)
  const id = options?.id ?? source.newId()
  const { version = 1 } = definition['~definition'].parts.versioning ?? {}
  if (options !== undefined) checkOptions(definition.kind, options)
  const headers = [...buildHeaders(id, source, options)]
  if (version !== 1) headers.push([versionHeader, String(version)])
  const isUnique = options?.id !== undefined && definition['~definition'].parts.deduplicateMs !== undefined
  if (isUnique) headers.push([deduplicateHeader, '1'])
  return checkSize({
    id,
    topic: definition.name,
    key,
    value,
    headers,
    timestampMs: source.clock.nowMs(),
  })
}

/** A record that somebody writes by hand, whatever its topic's schema. Throws `InvalidPublishOptionsError` with every fault. */
export function encodePlain(
  record: { readonly topic: string; readonly key: string | null; readonly value: string },
  source: OutgoingSource,
  options: PublishOptions,
): Outgoing {
  checkOptions('topic', options)
  const id = options.id ?? source.newId()
  return checkSize({ ...record, id, headers: buildHeaders(id, source, options), timestampMs: source.clock.nowMs() })
}

/** A record without a value. Throws `NoKeyError` for a topic that has no key. */
export function encodeTombstone(definition: AnyDefinition, key: string, source: OutgoingSource): Outgoing {
  if (definition['~definition'].parts.key === undefined) throw new NoKeyError(definition.name)
  if (typeof key !== 'string') throw new InvalidPublishOptionsError(['the key of a tombstone is text'])
  const id = source.newId()
  return checkSize({
    id,
    topic: definition.name,
    key,
    value: null,
    headers: buildHeaders(id, source),
    timestampMs: source.clock.nowMs(),
  })
}

/** Said where it is published, before anything waits for it: a commit fails for all that is in it, or not at all. */
function checkSize(message: Outgoing): Outgoing {
  const sizeBytes =
    sizeOf(message.key) +
    sizeOf(message.value) +
    message.headers.reduce((sum, [name, value]) => sum + sizeOf(name) + sizeOf(value), 0)
  if (sizeBytes <= mostRecordBytes) return message
  throw new RecordTooLargeError(message.topic, sizeBytes, mostRecordBytes)
}
function sizeOf(bytes: Bytes): number {
  if (bytes === null) return 0
  if (typeof bytes !== 'string' || bytes.length < measuredFromLength) return bytes.length
  return Buffer.byteLength(bytes)
}

function buildHeaders(id: string, source: OutgoingSource, options?: SendOptions): readonly RecordHeader[] {
  if (options === undefined) {
    return source.traceparent === undefined
      ? [[idHeader, id]]
      : [
          [idHeader, id],
          [traceHeader, source.traceparent],
        ]
  }
  const headers: RecordHeader[] = [[idHeader, id]]
  const given = options.headers ?? {}
  if (source.traceparent !== undefined && !(traceHeader in given)) headers.push([traceHeader, source.traceparent])
  for (const [name, value] of Object.entries(given)) headers.push([name, value])
  const dueMs = dueOf(options, source.clock)
  if (dueMs !== undefined) headers.push([dueHeader, String(dueMs)])
  return headers
}

function dueOf({ delay, at }: SendOptions, clock: Clock): number | undefined {
  if (at !== undefined) return at.getTime()
  const delayMs = delay === undefined ? 0 : toMilliseconds(delay)
  return delayMs > 0 ? Math.round(clock.nowMs() + delayMs) : undefined
}

const known: Record<keyof SendOptions, true> = { id: true, headers: true, delay: true, at: true }

function checkOptions(kind: 'topic' | 'queue', options: SendOptions): void {
  const { id, headers = {}, delay, at } = options
  const faults = Object.keys(options)
    .filter((name) => !Object.hasOwn(known, name))
    .map((name) => `${name}: no such option: known are ${Object.keys(known).join(', ')}`)
  if (kind === 'topic' && (delay ?? at) !== undefined) faults.push('delay: only tasks wait; send one to a queue')
  if (id !== undefined && !isId(id)) faults.push(`id: ${idRule}`)
  for (const [name, value] of Object.entries(headers)) {
    if (name.startsWith(ownPrefix))
      faults.push(`headers.${name}: names that begin with '${ownPrefix}' are the framework's own`)
    if (typeof value !== 'string') faults.push(`headers.${name}: a header's value is text`)
  }
  if (at !== undefined && !(at instanceof Date && !Number.isNaN(at.getTime()))) faults.push('at: give a valid Date')
  if (at !== undefined && delay !== undefined) faults.push('at: give a delay or a time, not both')
  try {
    if (delay !== undefined) toMilliseconds(delay)
  } catch (error) {
    faults.push(`delay: ${messageOf(error)}`)
  }
  if (faults.length > 0) throw new InvalidPublishOptionsError(faults)
}
