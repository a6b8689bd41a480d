import { describe, expect, it } from 'vitest'
import * as z from 'zod'
import { silentLogger } from '../core/logger.ts'
import { ManualClock } from '../core/manual-clock.ts'
import type { Fetched, Reader } from '../log/log.ts'
import { turn } from '../testing/gate.test-support.ts'
import { topic } from '../topics/topic.ts'
import { Intake } from './intake.ts'
import { Answers } from './parking/answers.ts'
import { Parking } from './parking/parking.ts'
import { PartitionTask, type TaskOwner } from './partition-task.ts'
import { StorageRetry } from './storage-retry.ts'

const lease = { topic: 'numbers', partition: 0, epoch: 1 }
const fetched = (from: number): Fetched => ({ topic: 'numbers', partition: 0, from, batches: [], position: from + 10 })

function taskAt(position: number): PartitionTask {
  const owner: TaskOwner = {
    mayAdmit: () => true,
    route: () => undefined,
    tombstoneRoute: () => undefined,
    delay: () => false,
    limitOf: () => undefined,
    offer() {},
    due() {},
    touched() {},
    backlogChanged() {},
    unreadable() {},
  }
  return new PartitionTask({
    lease,
    source: topic('numbers', { schema: z.number() }),
    topicId: 'id',
    checkpoint: undefined,
    progress: { position, finished: [] },
    parking: new Parking({ clock: new ManualClock(), read: async () => [], due() {} }),
    answers: new Answers(async () => []),
    owner,
  })
}

/** A reader whose polls are answered by hand; its position is where it was assigned, or past what was delivered last. */
class ManualReader implements Reader {
  readonly #polls: ((fetched: readonly Fetched[]) => void)[] = []
  #position = 0
  assign(_: unknown, position: number): void {
    this.#position = position
  }
  answer(answer: Fetched): void {
    this.#position = answer.position
    this.#polls.shift()!([answer])
  }
  position(): number {
    return this.#position
  }
  poll(): Promise<readonly Fetched[]> {
    return new Promise((resolve) => this.#polls.push(resolve))
  }
  wake(): void {
    this.#polls.shift()?.([])
  }
  unassign(): void {}
  seek(): void {}
  pause(): void {}
  resume(): void {}
  async close(): Promise<void> {}
}

describe('what a member takes in', () => {
  it('leaves out what was fetched before a partition was lost and got again', async () => {
    let takes = true
    const failures: Error[] = []
    const intake = new Intake({
      takes: () => takes,
      hasRoom: () => true,
      failed: (error) => void failures.push(error),
      storage: new StorageRetry({ logger: silentLogger, random: () => 0, who: "'sums'", goesOn: () => takes }),
    })
    const reader = new ManualReader()
    intake.reader = reader
    intake.open(taskAt(0))
    intake.start()

    // The answer is on its way when the partition goes, and comes back with an earlier position.
    reader.answer(fetched(100))
    for (const task of intake.of([lease])) intake.forget(task)
    const again = taskAt(20)
    intake.open(again)
    await turn()
    expect(again.tracker.position).toBe(20)

    reader.answer(fetched(20))
    await turn()
    expect(again.tracker.position).toBe(30)
    takes = false
    await intake.end()
    expect(failures).toEqual([])
  })
})
