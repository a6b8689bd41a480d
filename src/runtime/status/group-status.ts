import type { Outage } from '../circuit.ts'
import type { PartitionTask } from '../partition-task.ts'
import type { ConsumerStatus } from './consumer-status.ts'
import type { GroupPosition } from './group-positions.ts'
import type { RateMeter } from './rate-meter.ts'

/** Held keys that a status names. */
const mostHeldKeys = 20

/** How far a group is in one partition. */
export interface PartitionLag {
  readonly topic: string
  readonly partition: number
  /** Everything below is handled, held or delayed; what is finished above it is not counted. */
  readonly position: number
  readonly end: number
  readonly lag: number
  /** This process has the partition. */
  readonly isOwn: boolean
}
/** A failure, for people. */
export interface FailureStatus {
  readonly name: string
  readonly message: string
  readonly at: string
}
/** A key whose records wait, in order, for the first of them to be tried again. */
export interface HeldKeyStatus {
  readonly topic: string
  readonly partition: number
  /** null for a record without a key, which waits alone. */
  readonly key: string | null
  /** That wait: the one that failed and those behind it. */
  readonly records: number
  /** The error of the last attempt, or what else it waits for. */
  readonly reason: string
  readonly offset: number
  readonly id: string
  /** The number of its next attempt, and when that is due. */
  readonly attempt: number
  /** Null where it is dead: its key waits until it is redriven or discarded. */
  readonly dueAt: string | null
  readonly firstFailedAt: string | null
}
/** What waits for its next attempt in the partitions that this process has. */
export interface HeldStatus {
  readonly records: number
  readonly keys: number
  /** The keys that are due first, at most twenty. */
  readonly first: readonly HeldKeyStatus[]
}
/** What waits for its time in the partitions that this process has. */
export interface DelayedStatus {
  readonly records: number
  readonly nextDueAt: string | null
}

/** What a component that reads does: of its group where that is said, else of its member in this process. */
export interface GroupStatus {
  /** Records of the group that are in the log and not finished, over all processes; null when the log cannot be asked. */
  readonly lag: number | null
  readonly partitions: readonly PartitionLag[]
  /** Records a second that this process finished. */
  readonly rates: { readonly last10s: number; readonly lastMinute: number }
  /** Handlers that run, of those that may run at once. */
  readonly lanes: { readonly busy: number; readonly concurrency: number }
  readonly held: HeldStatus
  readonly delayed: DelayedStatus
  /** The last attempt that failed in this process, retried or not. */
  readonly lastFailure: FailureStatus | null
}

/** What a component does. `waiting`: it would take more, and something holds it. */
export type ComponentState = 'new' | 'running' | 'waiting' | 'stopping' | 'stopped' | 'failed'
/** What a component tells of itself for `app.status()`. */
export interface ComponentReport {
  readonly state: ComponentState
  /** Why it does not go on as it could, in words. */
  readonly waitsFor: readonly string[]
  readonly group: GroupStatus | null
}

/** What of a consumer is shown. */
export interface ReportView {
  readonly state: ComponentState
  readonly status: ConsumerStatus
  /** Of its own topics, without the framework's; undefined where the log cannot be asked. */
  readonly positions: readonly GroupPosition[] | undefined
  readonly tasks: ReadonlyMap<string, PartitionTask>
  readonly rates: RateMeter
  readonly lastFailure: { readonly error: Error; readonly atMs: number } | undefined
}

/** A component that reads, as JSON can carry it. */
export function describeComponent(view: ReportView): ComponentReport {
  const { pausedFor, outage, storage = [], partitions } = view.status
  const waitsFor = [
    ...(pausedFor === undefined ? [] : [`paused: ${pausedFor}`]),
    ...(outage === undefined ? [] : [describeOutage(outage)]),
    ...storage,
    ...partitions.flatMap(({ topic, partition, waiting }) => waiting.map((why) => `${topic}/${partition}: ${why}`)),
  ]
  const state = view.state === 'running' && waitsFor.length > 0 ? 'waiting' : view.state
  return { state, waitsFor, group: describeGroup(view) }
}

function describeOutage({ reason, sinceMs, probeAtMs }: Outage): string {
  const next = probeAtMs === undefined ? 'it tries again now' : `it tries again at ${new Date(probeAtMs).toISOString()}`
  return `an outage since ${new Date(sinceMs).toISOString()}: ${reason}; ${next}`
}

function describeGroup({ status, positions, tasks, rates, lastFailure }: ReportView): GroupStatus {
  const partitions = (positions ?? []).map(({ name, topic, partition, position, end }) => {
    return { topic, partition, position, end, lag: Math.max(0, end - position), isOwn: tasks.has(name) }
  })
  return {
    lag: positions === undefined ? null : partitions.reduce((sum, { lag }) => sum + lag, 0),
    partitions,
    rates: { last10s: rounded(rates.rate(10_000)), lastMinute: rounded(rates.rate(60_000)) },
    lanes: { busy: status.running, concurrency: status.concurrency },
    held: describeHeld(status),
    delayed: describeDelayed(status),
    lastFailure: lastFailure === undefined ? null : describeFailure(lastFailure),
  }
}

function describeHeld({ partitions }: ConsumerStatus): HeldStatus {
  const keys = partitions.flatMap(({ topic, partition, heldKeys }) =>
    heldKeys.map((held) => ({ topic, partition, ...held })),
  )
  return {
    records: partitions.reduce((sum, { held }) => sum + held.records, 0),
    keys: partitions.reduce((sum, { held }) => sum + held.keys, 0),
    first: keys
      .sort((one, other) => (one.dueMs ?? 0) - (other.dueMs ?? 0))
      .slice(0, mostHeldKeys)
      .map(({ dueMs, firstFailedAtMs, ...held }) => ({
        ...held,
        dueAt: dueMs === undefined ? null : new Date(dueMs).toISOString(),
        firstFailedAt: firstFailedAtMs === undefined ? null : new Date(firstFailedAtMs).toISOString(),
      })),
  }
}

function describeDelayed({ partitions }: ConsumerStatus): DelayedStatus {
  const nextDueMs = Math.min(...partitions.map(({ delayed }) => delayed.nextDueMs ?? Number.POSITIVE_INFINITY))
  return {
    records: partitions.reduce((sum, { delayed }) => sum + delayed.records, 0),
    nextDueAt: Number.isFinite(nextDueMs) ? new Date(nextDueMs).toISOString() : null,
  }
}

function describeFailure({ error, atMs }: NonNullable<ReportView['lastFailure']>): FailureStatus {
  return { name: error.name, message: error.message, at: new Date(atMs).toISOString() }
}

/** Three digits are enough, and 0.1 more than nothing. */
function rounded(rate: number): number {
  return rate >= 100 ? Math.round(rate) : Math.round(rate * 10) / 10
}
