import type { Unsettled } from '../attachment.ts'
import type { PartitionTask } from '../partition-task.ts'
import type { ConsumerView } from './consumer-status.ts'
import type { GroupPosition } from './group-positions.ts'

/** What of a consumer tells whether it is settled. */
export interface SettlingView extends ConsumerView {
  /** Of all partitions, read just now. */
  readonly positions: readonly GroupPosition[]
  /** Until when a partition waits for more before it handles what it has; undefined where it does not. */
  readonly gathersUntilMs: (task: PartitionTask) => number | undefined
  /** What has finished is committed, apart from stores. */
  readonly isCommitted: boolean
}

/** Every record below the end that is not finished, whatever the store holds that is due, and a commit under way. */
export function findUnsettledOf(view: SettlingView): readonly Unsettled[] {
  const { group, tasks, positions, outage } = view
  const found: Unsettled[] = []
  const probe = probeOf(view)
  for (const { name, position, end } of positions) {
    if (position >= end) continue
    const task = tasks.get(name)
    const dueMs = task === undefined ? undefined : waitsFor(view, task, end)
    if (dueMs !== undefined) found.push({ what: `'${group}': a record of ${name} waits for its next attempt`, dueMs })
    else {
      const what = `'${group}': ${name} is at ${position}, its end is ${end}${reasonsOf(view, task)}`
      found.push({ what, ...(task !== undefined && probe) })
    }
  }
  let awake = outage?.postponed ?? 0
  let { isCommitted } = view
  for (const { parking } of tasks.values()) {
    awake += parking.awake.size + Number(parking.hasDue)
    isCommitted &&= !parking.buffer.isDirty
  }
  for (const [name, { parking }] of tasks) {
    const dueMs = parking.nextAttemptMs
    if (dueMs !== undefined)
      found.push({ what: `'${group}': a held record of ${name} waits for its next attempt`, dueMs })
  }
  if (awake > 0)
    found.push({ what: `'${group}': ${awake} held or delayed records are due${reasonsOf(view)}`, ...probe })
  const isWaiting = found.every(({ dueMs }) => dueMs !== undefined)
  if (isWaiting && !isCommitted) found.push({ what: `'${group}': its commit is on the way` })
  return found
}

/** What holds it back, in words, of all that is known. */
function reasonsOf({ pausedFor, outage, storage }: SettlingView, task?: PartitionTask): string {
  if (pausedFor !== undefined) return ` (paused: ${pausedFor})`
  const reasons = [...(outage === undefined ? [] : [outage.reason]), ...storage]
  if (task !== undefined) reasons.push(...task.waitsFor, ...behindDead(task))
  return reasons.length === 0 ? '' : ` (waits: ${reasons.join('; ')})`
}

/** Records that wait in memory, with no room in the store, behind one that is dead. */
function behindDead({ lanes, parking }: PartitionTask): readonly string[] {
  return Array.from(parking.heldKeys).flatMap((key) => {
    const behind = lanes.get(key)?.length ?? 0
    const first = parking.firstOf(key)
    if (behind === 0 || first?.reason !== 'dead') return []
    const records = behind === 1 ? `1 record of key '${key}' waits` : `${behind} records of key '${key}' wait`
    return `${records} behind its dead letter ${first.death}, until that is redriven or discarded`
  })
}

/** Nothing goes on before the next probe. */
function probeOf({ running, outage }: SettlingView): { readonly dueMs: number } | undefined {
  return running > 0 || outage?.probeAtMs === undefined ? undefined : { dueMs: outage.probeAtMs }
}

/** The next attempt's time, where this partition waits for nothing else. */
function waitsFor(
  { running, waiting, gathersUntilMs }: SettlingView,
  task: PartitionTask,
  end: number,
): number | undefined {
  if (running > 0 || task.hasBacklog || task.tracker.fetched < end) return undefined
  let dueMs = gathersUntilMs(task)
  for (const delivery of waiting) {
    if (delivery.task !== task) continue
    // It waits for the component's next probe.
    if (delivery.dueMs === undefined) return undefined
    dueMs = Math.min(dueMs ?? Number.POSITIVE_INFINITY, delivery.dueMs)
  }
  return dueMs
}
