import { createHash } from 'node:crypto'
import type { RecordHeader } from '../../log/records/batch-writer.ts'
import type { OutputMessage } from '../commit/output.ts'
import type { Delivery } from '../delivery.ts'
import { recordOf } from '../delivery.ts'
import { attemptHeader, errorHeader, idHeader, originHeader } from '../headers.ts'

/** Error texts are cut to this. */
const mostErrorText = 8_192

/** Names of dead-letter topics: this and the group. */
export const deadLetterPrefix = 'millrace-dead-letters-'

/** The topic that a group's dead letters go to. */
export function deadLetterTopic(group: string): string {
  return deadLetterPrefix + group
}

/** Where a dead letter comes from: the JSON of the header `millrace-origin`. */
export interface Origin {
  readonly group: string
  readonly topic: string
  readonly topicId: string
  readonly partition: number
  readonly offset: number
  /** Of this death: a record that is redriven and dies again has another. */
  readonly death: string
}
/** Why it is dead: the JSON of the header `millrace-error`. */
export interface DeathNote {
  readonly name: string
  readonly message: string
  /** The same for the same class of error from the same line of the user's code. */
  readonly fingerprint: string
  readonly firstFailedAt: string
  readonly lastFailedAt: string
}

/** The record as it came, bytes and headers, with its origin, its attempts and its error in headers of ours. */
export function encodeDeadLetter(
  delivery: Delivery,
  {
    group,
    error,
    nowMs,
    death,
  }: { readonly group: string; readonly error: Error; readonly nowMs: number; readonly death: string },
): OutputMessage {
  const { task, offset, id, attempt } = delivery
  const origin: Origin = { group, topic: task.topic, topicId: task.topicId, partition: task.partition, offset, death }
  const note: DeathNote = {
    name: error.name,
    message: error.message.slice(0, mostErrorText),
    fingerprint: fingerprintOf(error),
    firstFailedAt: new Date(delivery.failure?.firstFailedAtMs ?? nowMs).toISOString(),
    // Not the time of the burial: storage that is away may have kept that waiting.
    lastFailedAt: new Date(delivery.failure?.lastFailedAtMs ?? nowMs).toISOString(),
  }
  const record = recordOf(delivery)
  const own = new Set([idHeader, originHeader, attemptHeader, errorHeader])
  const headers: RecordHeader[] = [
    ...(record.headers ?? []).filter(([name]) => !own.has(name)),
    [idHeader, id],
    [originHeader, JSON.stringify(origin)],
    [attemptHeader, String(attempt)],
    [errorHeader, JSON.stringify(note)],
  ]
  return {
    topic: deadLetterTopic(group),
    key: record.key,
    value: record.value,
    headers,
    timestampMs: record.timestampMs,
  }
}

/** Of the error's class and the first line of its stack that is the user's. */
export function fingerprintOf(error: Error): string {
  const frames = (error.stack ?? '').split('\n').filter((line) => /^\s+at /.test(line))
  const frame = frames.find((line) => !line.includes('node:') && !line.includes('/node_modules/')) ?? ''
  // Without the column, which a formatter moves, and the folder, which is another one in the next deployment.
  const place = frame
    .trim()
    .replace(/:\d+\)?$/, '')
    .replace('file://', '')
    .replace(`${process.cwd()}/`, '')
  return createHash('sha256').update(`${error.name}\n${place}`).digest('hex').slice(0, 12)
}
