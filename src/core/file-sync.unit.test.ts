import { describe, expect, it } from 'vitest'
import { FileSync, FileSyncError, type SyncCalls } from './file-sync.ts'

/** A file whose fsyncs take as long as the test says and end when it says. */
class FakeFile implements SyncCalls {
  readonly log: string[] = []
  tookMs = 5
  failure: Error | undefined
  #nowMs = 0
  #running: ((error: unknown) => void)[] = []
  open(): number {
    return 7
  }
  close(): void {
    this.log.push('close')
  }
  sync(): void {
    this.log.push('inline')
    this.#nowMs += this.tookMs
    if (this.failure !== undefined) throw this.failure
  }
  syncOffLoop(_descriptor: number, done: (error: unknown) => void): void {
    this.log.push('off loop')
    this.#running.push(done)
  }
  nowMs(): number {
    return this.#nowMs
  }
  endRunning(): void {
    this.#nowMs += this.tookMs
    for (const done of this.#running.splice(0)) done(this.failure ?? null)
  }
}
const turn = () => new Promise((resolve) => setImmediate(resolve))

function open() {
  const file = new FakeFile()
  return { file, sync: new FileSync('log-wal', { calls: file }) }
}

describe('FileSync', () => {
  it('shares one fsync between the calls of a turn', async () => {
    const { file, sync } = open()
    const calls = [sync.sync(), sync.sync(), Promise.resolve().then(() => sync.sync())]
    await turn()
    file.endRunning()
    await Promise.all(calls)
    expect(file.log).toEqual(['off loop'])
  })

  it('serves a call that came during an fsync by the next one only', async () => {
    const { file, sync } = open()
    const done: string[] = []
    const first = sync.sync().then(() => done.push('first'))
    await turn()
    expect(sync.syncing).toBe(true)
    const second = sync.sync().then(() => done.push('second'))
    file.endRunning()
    await first
    expect(done).toEqual(['first'])
    await turn()
    file.endRunning()
    await second
    expect(file.log).toEqual(['off loop', 'off loop'])
  })

  it('syncs in line while fsyncs are quick on average, off the loop while they are slow', async () => {
    const { file, sync } = open()
    const syncs = async (count: number, tookMs: number) => {
      file.tookMs = tookMs
      file.log.length = 0
      for (let done = 0; done < count; done++) {
        const waiting = sync.sync()
        await turn()
        file.endRunning()
        await waiting
      }
      return file.log
    }
    expect(await syncs(2, 0.2), 'the first one measures').toEqual(['off loop', 'inline'])
    expect(await syncs(1, 5), 'one slow fsync is the machine').toEqual(['inline'])
    expect(await syncs(1, 0.2)).toEqual(['inline'])
    expect(new Set((await syncs(20, 5)).slice(2)), 'many are the disk').toEqual(new Set(['off loop']))
    expect((await syncs(60, 0.2)).at(-1)).toBe('inline')
    expect(sync.recentMs).toBeLessThan(1)
  })

  it.each(['inline', 'off loop'])('fails what waits and every later call when an fsync fails (%s)', async (way) => {
    const { file, sync } = open()
    if (way === 'inline') {
      file.tookMs = 0.2
      const warm = sync.sync()
      await turn()
      file.endRunning()
      await warm
    }
    file.failure = new Error('EIO')
    const waiting = [sync.sync(), sync.sync()]
    const outcomes = Promise.allSettled(waiting)
    await turn()
    file.endRunning()
    for (const outcome of await outcomes) {
      expect(outcome.status).toBe('rejected')
      expect(outcome).toHaveProperty('reason.cause', file.failure)
    }
    file.failure = undefined
    await expect(sync.sync()).rejects.toThrow(FileSyncError)
    expect(file.log.at(-1)).toBe(way)
  })

  it('serves those that wait before it closes, refuses later calls, and closes once', async () => {
    const { file, sync } = open()
    const waiting = sync.sync()
    const closed = sync.close()
    await turn()
    expect(file.log).toEqual(['off loop'])
    file.endRunning()
    await waiting
    await closed
    await sync.close()
    expect(file.log).toEqual(['off loop', 'close'])
    await expect(sync.sync()).rejects.toThrow('the file is closed')
  })
})
