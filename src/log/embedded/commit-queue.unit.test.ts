import { describe, expect, it } from 'vitest'
import { LogClosedError } from '../errors.ts'
import { CommitQueue, type CommitTarget } from './commit-queue.ts'
import { LogBusyError, LogDamagedError, LogFailedError, LogFullError } from './errors.ts'
import type { PreparedUnit, WrittenUnits } from './unit-writer.ts'

interface NamedUnit extends PreparedUnit {
  readonly name: string
}
function unit(name: string, sizeInBytes = 100): NamedUnit {
  return { name, batches: [], offsets: [], stores: [], checkFence() {}, sizeInBytes }
}

/** A file whose fsyncs end when the test says. */
class FakeTarget implements CommitTarget {
  readonly location = 'file:/log.db'
  readonly log: string[] = []
  /** What the next writes throw. */
  readonly failures: Error[] = []
  readonly fenced = new Map<string, Error>()
  failure: Error | undefined
  time = 0
  shared = false
  /** How long a write takes. */
  writeMs = 0
  #syncs: PromiseWithResolvers<void>[] = []
  #retries: (() => void)[] = []
  #offset = 0

  write(units: readonly PreparedUnit[]): WrittenUnits {
    const names = units.map((each) => ('name' in each ? String(each.name) : ''))
    const failure = this.failures.shift()
    this.log.push(failure === undefined ? `write ${names.join(' ')}` : `refuse ${names.join(' ')}`)
    if (failure !== undefined) throw failure
    this.time += this.writeMs
    const outcomes = names.map((name) => this.fenced.get(name) ?? [this.#offset++])
    return { outcomes, publish: () => void this.log.push(`publish ${names.join(' ')}`) }
  }
  sync(): Promise<void> {
    this.log.push('sync')
    const sync = Promise.withResolvers<void>()
    this.#syncs.push(sync)
    return sync.promise
  }
  beforeWrite(): void {}
  failed(error: Error): void {
    this.failure = error
  }
  retryLater(_delayMs: number, callback: () => void): void {
    this.#retries.push(callback)
  }
  nowMs(): number {
    return this.time
  }
  isShared(): boolean {
    return this.shared
  }

  endSync(): Promise<unknown> {
    this.#syncs.shift()!.resolve()
    return turn()
  }
  failSync(error: Error): Promise<unknown> {
    this.#syncs.shift()!.reject(error)
    return turn()
  }
  retry(): void {
    this.#retries.shift()!()
  }
}
const turn = () => new Promise((resolve) => setImmediate(resolve))

/** Submits units by name and notes in which order they are answered. */
function start() {
  const target = new FakeTarget()
  const queue = new CommitQueue(target)
  const submit = (name: string, sizeInBytes?: number) => {
    const answer = queue.submit(unit(name, sizeInBytes))
    answer.then(
      (offsets) => target.log.push(`${name} at ${offsets}`),
      (error: Error) => target.log.push(`${name} fails: ${error.constructor.name}`),
    )
    return answer
  }
  return { target, queue, submit }
}

describe('CommitQueue', () => {
  it('writes the units of a turn together and answers them after one fsync', async () => {
    const { target, submit } = start()
    submit('a')
    submit('b')
    queueMicrotask(() => submit('c'))
    await turn()
    expect(target.log).toEqual(['write a b c', 'sync'])
    await target.endSync()
    expect(target.log.slice(2)).toEqual(['publish a b c', 'a at 0', 'b at 1', 'c at 2'])
  })

  it('gathers during an fsync what comes meanwhile, and writes it when that ends', async () => {
    const { target, submit } = start()
    submit('a')
    await turn()
    submit('b')
    await turn()
    submit('c')
    await turn()
    expect(target.log).toEqual(['write a', 'sync'])
    await target.endSync()
    await turn()
    expect(target.log.slice(2)).toEqual(['publish a', 'a at 0', 'write b c', 'sync'])
  })

  it('writes much beside a running fsync, and waits for the next one before it answers', async () => {
    const { target, submit } = start()
    submit('a')
    await turn()
    submit('b', 300_000)
    await turn()
    expect(target.log).toEqual(['write a', 'sync', 'write b'])
    await target.endSync()
    expect(target.log.slice(3)).toEqual(['publish a', 'sync', 'a at 0'])
    await target.endSync()
    expect(target.log.slice(6)).toEqual(['publish b', 'b at 1'])
  })

  it('gives the event loop a turn between large transactions', async () => {
    const { target, submit } = start()
    for (const name of ['a', 'b', 'c']) submit(name, 3_000_000)
    await turn()
    expect(target.log).toEqual(['write a b', 'sync'])
    await turn()
    expect(target.log).toEqual(['write a b', 'sync', 'write c'])
  })

  it('refuses a fenced unit alone', async () => {
    const { target, submit } = start()
    target.fenced.set('b', new RangeError('fenced'))
    for (const name of ['a', 'b', 'c']) submit(name)
    await turn()
    await target.endSync()
    expect(target.log.filter((line) => !line.startsWith('publish'))).toEqual([
      'write a b c',
      'sync',
      'a at 0',
      'b fails: RangeError',
      'c at 1',
    ])
  })

  it('refuses the units of a transaction that found no room, and goes on', async () => {
    const { target, submit } = start()
    target.failures.push(new LogFullError('/log.db', new Error('full')))
    submit('a')
    submit('b')
    await turn()
    submit('c')
    await turn()
    await target.endSync()
    expect(target.log).toEqual([
      'refuse a b',
      'a fails: LogFullError',
      'b fails: LogFullError',
      'write c',
      'sync',
      'publish c',
      'c at 0',
    ])
    expect(target.failure).toBeUndefined()
  })

  it("waits for another process's lock, in order, without refusing anything", async () => {
    const { target, submit } = start()
    const busy = new LogBusyError('/log.db', new Error('busy'))
    target.failures.push(busy, busy)
    // The first fills a transaction: the second stands behind it when it comes back.
    submit('a', 5_000_000)
    submit('b')
    await turn()
    submit('c')
    await turn()
    target.retry()
    target.retry()
    await turn()
    await target.endSync()
    await turn()
    await target.endSync()
    const writes = target.log.filter((line) => /^(refuse|write)/.test(line))
    expect(writes).toEqual(['refuse a', 'refuse a', 'write a', 'write b c'])
    expect(target.log.filter((line) => line.includes(' at '))).toEqual(['a at 0', 'b at 1', 'c at 2'])
  })

  it('waits for the lock as long as it takes, and refuses only what is more than memory should hold', async () => {
    const { target, submit } = start()
    const busy = new LogBusyError('/log.db', new Error('busy'))
    target.failures.push(busy, busy)
    submit('a', 40_000_000)
    submit('b', 40_000_000)
    await turn()
    target.time = 60_000
    target.retry()
    await turn()
    submit('c')
    await turn()
    expect(target.log).toEqual(['refuse a', 'refuse a', 'c fails: LogBusyError'])
    target.retry()
    submit('d')
    await turn()
    for (let sync = 0; sync < 3; sync++) {
      await target.endSync()
      await turn()
    }
    expect(target.log.filter((line) => line.includes(' at '))).toEqual(['a at 0', 'b at 1', 'd at 2'])
  })

  it('is closed in the end although the lock is not freed, and refuses what waited', async () => {
    const { target, queue, submit } = start()
    const busy = new LogBusyError('/log.db', new Error('busy'))
    target.failures.push(busy, busy)
    submit('a')
    await turn()
    const closed = queue.close()
    target.time = 5_000
    target.retry()
    await closed
    await turn()
    expect(target.log).toEqual(['refuse a', 'refuse a', 'a fails: LogBusyError'])
  })

  it('leaves the lock to other processes for a moment when it had it for long', async () => {
    for (const shared of [false, true]) {
      const { target, submit } = start()
      target.shared = shared
      target.writeMs = 11
      for (const name of ['a', 'b', 'c']) {
        submit(name, 5_000_000)
        await turn()
      }
      expect(
        target.log.filter((line) => line.startsWith('write')),
        `shared: ${shared}`,
      ).toEqual(shared ? ['write a', 'write b'] : ['write a', 'write b', 'write c'])
      if (!shared) continue
      target.time += 2
      target.retry()
      expect(target.log.at(-1)).toBe('write c')
    }
  })

  it.each([new LogFailedError('/log.db', new Error('EIO')), new LogDamagedError('/log.db', new Error('corrupt'))])(
    'ends for good when a transaction fails: $code',
    async (error) => {
      const { target, queue, submit } = start()
      submit('a')
      await turn()
      target.failures.push(error)
      submit('b', 300_000)
      await turn()
      submit('c')
      await turn()
      // What had its fsync already is acknowledged: it is on disk.
      await target.endSync()
      expect(target.log.filter((line) => line.includes(' fails') || line.includes(' at '))).toEqual([
        `b fails: ${error.constructor.name}`,
        `c fails: ${error.constructor.name}`,
        'a at 0',
      ])
      expect(target.failure).toBe(error)
      await expect(queue.durable()).rejects.toBe(error)
    },
  )

  it('ends for good when an fsync fails: nothing that waited for it is acknowledged or shown', async () => {
    const { target, queue, submit } = start()
    submit('a')
    await turn()
    submit('b')
    submit('c', 300_000)
    await turn()
    submit('d')
    await target.failSync(new Error('EIO'))
    submit('e')
    await turn()
    const answers = target.log.filter((line) => !/^(write|sync)/.test(line))
    expect(answers.sort()).toEqual(['a', 'b', 'c', 'd', 'e'].map((name) => `${name} fails: LogFailedError`))
    expect(target.failure).toBeInstanceOf(LogFailedError)
    await queue.close()
  })

  it('finishes what was submitted before it closes, and refuses the rest', async () => {
    const { target, queue, submit } = start()
    submit('a')
    const closed = queue.close().then(() => target.log.push('closed'))
    await expect(submit('b')).rejects.toThrow(LogClosedError)
    await turn()
    await target.endSync()
    await closed
    expect(target.log).toEqual(['b fails: LogClosedError', 'write a', 'sync', 'publish a', 'a at 0', 'closed'])
  })
})
