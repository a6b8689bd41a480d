import { describe, expect, it } from 'vitest'
import { staged } from '../conformance/harness.ts'
import type { Log } from '../log.ts'
import { ensureTopic, freshPath, refusal } from './engine.test-support.ts'
import { FaultySqlite } from './faulty-sqlite.test-support.ts'
import { LogUnreadableError, openEmbeddedLog } from './index.ts'

const subjects = async (log: Log) => (await log.diagnose()).map(({ subject }) => subject)
const find = async (log: Log, subject: string) => (await log.diagnose()).find((finding) => finding.subject === subject)

describe('the diagnosis of a log', () => {
  it('looks at the file, SQLite, the disk and what is on it', async () => {
    await using log = await openEmbeddedLog({ path: freshPath() })
    expect(await subjects(log)).toEqual(
      expect.arrayContaining([
        'file',
        'free pages',
        'page size',
        'SQLite',
        'disk',
        'write-ahead log',
        'file system',
        'space on the disk',
      ]),
    )
    expect((await find(log, 'disk'))?.value).toMatch(
      /^\d+\.\d\d ms an fsync \(median of 20; \d+\.\d\d ms the slowest\)$/,
    )
    expect((await find(log, 'page size'))?.value).toBe('4096 bytes')
  })

  it('says that a log in memory outlives nothing', async () => {
    await using log = await openEmbeddedLog({ memory: true })
    expect(await find(log, 'file')).toMatchObject({ verdict: 'notice', value: 'none: the log is in memory' })
  })

  it('names a SQLite that can damage the file', async () => {
    await using log = await openEmbeddedLog({ path: freshPath(), sqliteVersion: '3.51.2' })
    expect(await find(log, 'SQLite')).toMatchObject({ verdict: 'bad', value: expect.stringContaining('3.51.2') })
  })
})

describe('a read that the disk does not answer', () => {
  it('says that nothing could be read, and the log goes on', async () => {
    const sqlite = new FaultySqlite()
    await using log = await openEmbeddedLog({ memory: true, tailCacheBytes: 0, openDatabase: sqlite.open })
    const [partition] = await ensureTopic(log, 'orders')
    await log.commit({ batches: [staged(partition!, 'a')] })
    const store = { ...partition!, group: 'billing', store: 'parked', from: new Uint8Array(), limit: 1 }
    const reader = log.createReader()
    reader.assign(partition!, 0)
    const reads: (() => Promise<unknown>)[] = [
      () => reader.poll(),
      () => log.offsets(new Date(0), [partition!]),
      () => log.readStore(store),
      () => log.describePartitions(['orders']),
      () => log.describeGroups(),
      () => log.topics(),
    ]
    for (const read of reads) {
      sqlite.arm({ name: 'ioerr', resultCode: 10, statement: 'skipped' }, 1)
      const error = await refusal(read())
      expect(error, String(read)).toBeInstanceOf(LogUnreadableError)
      expect(error).toMatchObject({ retryable: true, message: expect.stringContaining('could not be read') })
      sqlite.arm()
      await read()
    }
    await log.commit({ batches: [staged(partition!, 'b')] })
  })
})
