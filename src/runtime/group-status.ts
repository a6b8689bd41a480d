import type { Outage } from './circuit.ts'
import type { GroupPosition } from './group-positions.ts'
import type { PartitionTask } from './partition-task.ts'
import type { RateMeter } from './rate-meter.ts'

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
/** What a component that reads does: of its group where that is said, else of its member in this process. */
export interface GroupStatus {
  /** Records of the group that are in the log and not finished, over all processes; null when the log cannot be asked. */
  readonly lag: number | null
  readonly partitions: readonly PartitionLag[]
  /** Records a second that this process finished. */
  readonly rates: { readonly last10s: number; readonly lastMinute: number }
  /** Handlers that run, of those that may run at once. */
  readonly lanes: { readonly busy: number; readonly concurrency: number }
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
export interface ConsumerView {
  readonly state: ComponentState
  readonly pausedFor: string | undefined
  readonly outage: Outage | undefined
  /** Of its own topics, without the framework's; undefined where the log cannot be asked. */
  readonly positions: readonly GroupPosition[] | undefined
  readonly tasks: ReadonlyMap<string, PartitionTask>
  readonly rates: RateMeter
  readonly running: number
  readonly concurrency: number
  readonly lastFailure: { readonly error: Error; readonly atMs: number } | undefined
}

/** A component that reads, as JSON can carry it. */
export function describeComponent(view: ConsumerView): ComponentReport {
  const { state, pausedFor, outage } = view
  const waitsFor = pausedFor === undefined ? [] : [`paused: ${pausedFor}`]
  if (outage !== undefined) waitsFor.push(describeOutage(outage))
  return { state: state === 'running' && waitsFor.length > 0 ? 'waiting' : state, waitsFor, group: describeGroup(view) }
}

function describeOutage({ reason, sinceMs, probeAtMs }: Outage): string {
  const next = probeAtMs === undefined ? 'it tries again now' : `it tries again at ${new Date(probeAtMs).toISOString()}`
  return `an outage since ${new Date(sinceMs).toISOString()}: ${reason}; ${next}`
}

function describeGroup(view: ConsumerView): GroupStatus {
  const { positions, tasks, rates, running, concurrency, lastFailure } = view
  const partitions = (positions ?? []).map(({ name, topic, partition, position, end }) => {
    return { topic, partition, position, end, lag: Math.max(0, end - position), isOwn: tasks.has(name) }
  })
  return {
    lag: positions === undefined ? null : partitions.reduce((sum, { lag }) => sum + lag, 0),
    partitions,
    rates: { last10s: rounded(rates.rate(10_000)), lastMinute: rounded(rates.rate(60_000)) },
    lanes: { busy: running, concurrency },
    lastFailure:
      lastFailure === undefined
        ? null
        : {
            name: lastFailure.error.name,
            message: lastFailure.error.message,
            at: new Date(lastFailure.atMs).toISOString(),
          },
  }
}

/** Three digits are enough, and 0.1 more than nothing. */
function rounded(rate: number): number {
  return rate >= 100 ? Math.round(rate) : Math.round(rate * 10) / 10
}
