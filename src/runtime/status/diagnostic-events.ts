import type { AnyComponent } from '../../core/component.ts'
import type { TopicPartition } from '../../log/log.ts'
import { isBatch, outcomeOf } from '../batches/batch.ts'
import type { Delivery } from '../delivery.ts'
import { ownPrefix } from '../headers.ts'
import type { Redrive } from '../parking/command.ts'
import { fingerprintOf } from '../parking/dead-letter.ts'
import { type DiagnosedRecord, diagnostics } from './diagnostics.ts'

/** When the handler was called, if somebody wants to know how long it takes; else undefined, at no cost. */
export function startOfHandling(): number | undefined {
  return diagnostics.handled.hasSubscribers ? performance.now() : undefined
}
/** The record is finished. `startMs` is what `startOfHandling` said. */
export function tellHandled(group: string, delivery: Delivery, startMs: number | undefined): void {
  if (startMs === undefined) return
  const records = isBatch(delivery) ? outcomeOf(delivery).done.length : 1
  diagnostics.handled.publish({ ...describe(group, delivery), records, durationMs: performance.now() - startMs })
}

/** An attempt failed. `attempt` is its number; without `retryInMs` it was the last one. */
export function tellFailed(
  group: string,
  delivery: Delivery,
  { error, attempt, retryInMs }: { readonly error: Error; readonly attempt: number; readonly retryInMs?: number },
): void {
  if (!diagnostics.failed.hasSubscribers) return
  const place = { ...describe(group, delivery), attempt, error }
  diagnostics.failed.publish(retryInMs === undefined ? place : { ...place, retryInMs })
}

/** A record waits in the store for its next attempt. */
export function tellHeld(group: string, delivery: Delivery, dueMs: number): void {
  if (!diagnostics.held.hasSubscribers) return
  diagnostics.held.publish({ ...describe(group, delivery), key: delivery.laneKey, dueAt: new Date(dueMs) })
}

/** A record went to the dead letters. */
export function tellDead(
  group: string,
  delivery: Delivery,
  { error, death }: { readonly error: Error; readonly death: string },
): void {
  if (!diagnostics.dead.hasSubscribers) return
  const fingerprint = fingerprintOf(error)
  diagnostics.dead.publish({ ...describe(group, delivery), error, fingerprint, deadLetterId: death })
}

/** A dead letter is back in its lane. */
export function tellRedriven({ recordId: id, origin }: Redrive): void {
  if (!diagnostics.redriven.hasSubscribers) return
  const { group, topic, partition, offset, death } = origin
  diagnostics.redriven.publish({ group, topic, partition, offset, id, deadLetterId: death })
}

/** Partitions came or went. */
export function tellRebalance(
  what: 'assigned' | 'revoked' | 'lost',
  group: string,
  partitions: readonly TopicPartition[],
): void {
  if (!diagnostics[what].hasSubscribers) return
  const own = partitions.filter(({ topic }) => !topic.startsWith(ownPrefix))
  if (own.length === 0) return
  diagnostics[what].publish({ group, partitions: own.map(({ topic, partition }) => ({ topic, partition })) })
}

/** A component waits for the end of an outage (`pauseOn`). */
export function tellOpened(group: string, what: { readonly error: Error; readonly probeInMs: number }): void {
  if (diagnostics.opened.hasSubscribers) diagnostics.opened.publish({ group, ...what })
}
/** The outage is over. */
export function tellClosed(group: string, waitedMs: number): void {
  if (diagnostics.closed.hasSubscribers) diagnostics.closed.publish({ group, waitedMs })
}

/** A component is dead. */
export function tellComponentFailed({ kind, name }: AnyComponent, error: Error): void {
  if (diagnostics.componentFailed.hasSubscribers) diagnostics.componentFailed.publish({ kind, name, error })
}

function describe(group: string, { task, offset, id, attempt }: Delivery): DiagnosedRecord {
  return { group, topic: task.topic, partition: task.partition, offset, id, attempt }
}
