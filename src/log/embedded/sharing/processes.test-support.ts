/** Several processes on one log, each a member of group `workers`; see `member-child.test-support.ts`. */
import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect, onTestFinished } from 'vitest'
import { staged } from '../../conformance/harness.ts'
import { until } from '../../conformance/until.ts'
import type { Log } from '../../log.ts'
import { ensureTopic, freshPath, readValues } from '../engine.test-support.ts'
import { type EmbeddedLogOptions, openEmbeddedLog } from '../index.ts'

const childFile = fileURLToPath(new URL('member-child.test-support.ts', import.meta.url))
export const partitionCount = 6
const done = { topic: 'done', partition: 0 }

/** A member in a process of its own. */
export class MemberChild {
  readonly process: ChildProcess
  readonly events: string[] = []
  held: readonly number[] = []

  constructor(path: string, options: object = {}) {
    this.process = fork(childFile, [path, JSON.stringify(options)], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
    this.process.on('message', (message: { readonly event: string; readonly held: readonly number[] }) => {
      this.events.push(message.event)
      this.held = message.held
    })
    onTestFinished(() => void this.process.kill('SIGKILL'))
  }
  get hasEnded(): boolean {
    return this.process.exitCode !== null || this.process.signalCode !== null
  }
}

/** A log with `orders` and `done`, and what the test does to it from its own process. */
export class SharedLog {
  readonly path = freshPath()
  readonly #published: string[] = []
  #log: Log | undefined

  get log(): Log {
    return this.#log!
  }

  async open(options: Partial<EmbeddedLogOptions> = {}): Promise<this> {
    this.#log = await openEmbeddedLog({ path: this.path, ...options })
    onTestFinished(() => this.log.close())
    await ensureTopic(this.log, 'orders', partitionCount)
    await ensureTopic(this.log, 'done')
    return this
  }

  /** One record in each partition of `orders`. */
  async publish(): Promise<void> {
    const partitions = Array.from({ length: partitionCount }, (_, partition) => ({ topic: 'orders', partition }))
    const offsets = await this.log.commit({ batches: partitions.map((partition) => staged(partition, 'order')) })
    this.#published.push(...offsets.map((offset, partition) => `${partition}:${offset}`))
  }

  /** Publishes unless much is undone. */
  async publishWhenDue(): Promise<boolean> {
    const isDue = this.#published.length - (await this.#countDone()) < 100
    if (isDue) await this.publish()
    return isDue
  }

  /** Waits until a few more records are done than now. */
  async someDone(): Promise<void> {
    const before = await this.#countDone()
    await until('some records to be done', async () => (await this.#countDone()) >= before + 20)
  }
  async #countDone(): Promise<number> {
    const [end = 0] = await this.log.offsets('end', [done])
    return end
  }

  /** All that was published has exactly one answer, and in the order of each partition. */
  async expectEachDoneOnce(): Promise<void> {
    await until('every record to be done', async () => (await this.#countDone()) >= this.#published.length)
    const found = await readValues(this.log, done)
    expect(found.toSorted()).toEqual(this.#published.toSorted())
    for (let partition = 0; partition < partitionCount; partition++) {
      const offsets = found
        .filter((value) => value!.startsWith(`${partition}:`))
        .map((value) => Number(value!.slice(2)))
      expect(offsets).toEqual(offsets.toSorted((one, other) => one - other))
    }
  }
}

/** Waits until the children hold all partitions between them, evenly. */
export async function sharedOut(children: readonly MemberChild[]): Promise<void> {
  await until('the partitions to be shared out', () => {
    const all = children.flatMap(({ held }) => held)
    const sizes = children.map(({ held }) => held.length)
    return (
      new Set(all).size === partitionCount &&
      all.length === partitionCount &&
      Math.max(...sizes) - Math.min(...sizes) <= 1
    )
  })
}
