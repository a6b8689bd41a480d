import { expect, it, onTestFinished, vi } from 'vitest'
import * as z from 'zod'
import { silentLogger } from '../../core/logger.ts'
import { ManualClock } from '../../core/manual-clock.ts'
import { topic } from '../../topics/topic.ts'
import type { Host } from '../attachment.ts'
import { Answers } from '../parking/answers.ts'
import { Parking } from '../parking/parking.ts'
import { PartitionTask, type TaskOwner } from '../partition-task.ts'
import type { DatabaseHome, HomeTransaction } from './commit-home.ts'
import { DatabaseCommitter } from './database-committer.ts'
import type { LogCommitter } from './log-committer.ts'

type Commit = HomeTransaction['commit']
const source = topic('numbers', { schema: z.unknown() })
const key = { group: 'g', logId: 'l', topic: 'numbers', topicId: 'id', partition: 0 }

/** A committer on a database whose commits a test answers, and one task of it. */
function bench(commit: Commit) {
  const transaction: HomeTransaction = { context: {}, run: (work) => work(), commit, rollback: async () => {} }
  const home: Pick<DatabaseHome, 'begin'> = { begin: () => transaction }
  const host: Pick<Host, 'logger' | 'progressed'> = { logger: silentLogger, progressed() {} }
  const task = new PartitionTask({
    lease: { topic: 'numbers', partition: 0, epoch: 1 },
    source,
    topicId: 'id',
    checkpoint: { key, progress: undefined },
    progress: { position: 0, finished: [] },
    parking: new Parking({ clock: new ManualClock(), read: async () => [], due() {} }),
    answers: new Answers(async () => []),
    owner: {} as TaskOwner,
  })
  const committer = new DatabaseCommitter({
    home: home as DatabaseHome,
    offsets: {} as LogCommitter,
    host: host as Host,
    componentName: 'g',
    lost() {},
  })
  const put = (name: string) => task.parking.buffer.put(Buffer.from(name), Buffer.from('x'))
  return { task, committer, put }
}

it('stores that wait for their turn are written together, with all that there is then', async () => {
  const turns: (() => void)[] = []
  const written: number[] = []
  const { task, committer, put } = bench(async ({ advance, committed }) => {
    await new Promise<void>((resolve) => turns.push(resolve))
    written.push(advance!().stores![0]!.writes.length)
    committed!()
    return { outboxNumber: 0 }
  })
  put('a')
  const stores = [committer.tryStore(task)]
  put('b')
  stores.push(committer.store(task), committer.tryStore(task))
  turns[0]!()
  await Promise.all(stores)
  put('c')
  stores.push(committer.store(task))
  turns[1]!()
  await Promise.all(stores)
  expect(written).toEqual([2, 1])
  expect(task.parking.buffer.isDirty).toBe(false)
})

it('a database that is away is asked again once in a while, however many stores failed', async () => {
  vi.useFakeTimers()
  onTestFinished(() => void vi.useRealTimers())
  let asked = 0
  let isAway = true
  const { task, committer, put } = bench(async ({ advance, committed }) => {
    asked++
    if (isAway) throw new Error('away')
    advance!()
    committed!()
    return { outboxNumber: 0 }
  })
  put('a')
  for (let n = 0; n < 100; n++) await committer.tryStore(task)
  expect(asked).toBe(100)
  await vi.advanceTimersByTimeAsync(1_000)
  expect(asked).toBe(105)
  isAway = false
  await vi.advanceTimersByTimeAsync(1_000)
  expect(asked).toBe(106)
  expect(task.parking.buffer.isDirty).toBe(false)
})
