import { describe, expect, it } from 'vitest'
import * as z from 'zod'
import { ManualClock } from '../core/manual-clock.ts'
import type { Fetched } from '../log/log.ts'
import { sealBatch } from '../log/records/batch-sealer.ts'
import { BatchWriter } from '../log/records/batch-writer.ts'
import { RecordBatch } from '../log/records/record-batch.ts'
import { topic } from '../topics/topic.ts'
import type { Route } from './consumer-specification.ts'
import type { Delivery } from './delivery.ts'
import { Answers } from './parking/answers.ts'
import { Parking } from './parking/parking.ts'
import { PartitionTask, type TaskOwner } from './partition-task.ts'

const source = topic('numbers', { schema: z.number() })
const route: Route = { handle: () => {}, retry: { attempts: 1, delayMs: 0, maxDelayMs: 0 }, timeoutMs: 1_000 }

/** A batch at an offset: numbers as JSON, anything else as it is; null is a tombstone of no key. */
function fetchedAt(from: number, values: readonly (number | string | null)[]): Fetched {
  const writer = new BatchWriter()
  for (const value of values) writer.append({ timestampMs: 0, key: null, value: value === null ? null : `${value}` })
  const batch = RecordBatch.parse(sealBatch(writer.finish(), { baseOffset: from }))
  return { topic: 'numbers', partition: 0, from, batches: [batch], position: from + values.length }
}

/** A task whose records end as soon as they are offered, or never. */
function taskOf({ endsAtOnce, ...parts }: { readonly endsAtOnce: boolean } & Partial<TaskOwner>) {
  const offered: Delivery[] = []
  const errors: unknown[] = []
  const owner: TaskOwner = {
    mayAdmit: () => true,
    route: () => route,
    tombstoneRoute: () => route,
    delay: () => false,
    limitOf: () => undefined,
    offer: (delivery) => {
      offered.push(delivery)
      if (endsAtOnce) task.tracker.finish(delivery.entry!)
    },
    due() {},
    touched() {},
    backlogChanged() {},
    unreadable: (error) => void errors.push(error),
    ...parts,
  }
  const lease = { topic: 'numbers', partition: 0, epoch: 1 }
  const progress = { position: 0, finished: [] }
  const parking = new Parking({ clock: new ManualClock(), read: async () => [], due() {} })
  const task: PartitionTask = new PartitionTask({
    lease,
    source,
    topicId: 'id',
    checkpoint: undefined,
    progress,
    parking,
    answers: new Answers(async () => []),
    owner,
  })
  return { task, offered, errors }
}

describe('a task at a record that cannot be read', () => {
  it('offers it to its lane with the reason, unfinished, so that the position stays there until it is dealt with', () => {
    const { task, offered, errors } = taskOf({ endsAtOnce: false })
    task.accept(fetchedAt(0, [1, 'broken', 3]))
    expect(errors).toEqual([])
    expect(() => offered[1]!.route.handle(undefined as never, undefined as never)).toThrow(
      expect.objectContaining({ code: 'UNREADABLE_RECORD', place: { topic: 'numbers', partition: 0, offset: 1 } }),
    )
    expect(offered.map(({ offset, event }) => [offset, event])).toEqual([
      [0, 1],
      [1, undefined],
      [2, 3],
    ])

    task.tracker.finish(offered[0]!.entry!)
    task.tracker.finish(offered[2]!.entry!)
    expect(task.tracker.progress()).toEqual({ position: 1, finished: [[2, 2]] })
  })
})

describe('a task whose component holds all that it may', () => {
  it('takes nothing, also when all that it took has ended', () => {
    let hasRoom = true
    const { task, offered } = taskOf({ endsAtOnce: true, mayAdmit: () => hasRoom })
    task.accept(fetchedAt(0, [1]))
    hasRoom = false
    task.accept(fetchedAt(1, [2, 3]))
    expect(offered.map(({ event }) => event)).toEqual([1])
    expect(task.hasBacklog).toBe(true)
    hasRoom = true
    task.admit()
    expect(offered.map(({ event }) => event)).toEqual([1, 2, 3])
    expect(task.hasBacklog).toBe(false)
  })
})

it('a record of neither key nor value is skipped: there is nothing that is gone', () => {
  const { task, offered } = taskOf({ endsAtOnce: true })
  task.accept(fetchedAt(0, [null, 2]))
  expect(offered.map(({ event }) => event)).toEqual([2])
  expect(task.tracker.position).toBe(2)
})

describe('the bytes that a task holds', () => {
  it('are those of whole batches, until the last record of each is done', () => {
    const { task, offered } = taskOf({ endsAtOnce: false })
    const [first, second] = [fetchedAt(0, [1, 2]), fetchedAt(2, [3])]
    task.accept(first)
    task.accept(second)
    const sizes = [first, second].map(({ batches }) => batches[0]!.sizeInBytes)
    expect(task.heldBytes).toBe(sizes[0]! + sizes[1]!)
    task.letGo(offered[0]!)
    expect(task.heldBytes).toBe(sizes[0]! + sizes[1]!)
    task.letGo(offered[1]!)
    expect(task.heldBytes).toBe(sizes[1]!)
    task.letGo(offered[2]!)
    expect(task.heldBytes).toBe(0)
  })
})
