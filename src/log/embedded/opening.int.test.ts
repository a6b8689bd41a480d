import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, expect, it } from 'vitest'
import { InvalidOptionsError } from '../../core/faults.ts'
import { silentLogger } from '../../core/logger.ts'
import { staged } from '../conformance/harness.ts'
import { ensureTopic, freshPath, readValues, refusal } from './engine.test-support.ts'
import {
  type EmbeddedLogOptions,
  LogDamagedError,
  LogPathError,
  LogVersionError,
  NetworkFileSystemError,
  NotALogError,
  openEmbeddedLog,
} from './index.ts'

/** Refused, with a message that names the path. */
async function refusedAt(path: string, options: EmbeddedLogOptions = {}): Promise<Error> {
  const error = await refusal(openEmbeddedLog({ path, ...options }))
  expect(error.message).toContain(path)
  return error
}
async function makeLog(path: string): Promise<void> {
  await using log = await openEmbeddedLog({ path })
  const [partition] = await ensureTopic(log, 'orders')
  await log.commit({ batches: [staged(partition!, 'a')] })
}
function change(path: string, sql: string): void {
  const database = new DatabaseSync(path)
  database.exec(sql)
  database.close()
}

describe('a log that cannot be opened', () => {
  it('was written by a later version, and is left as it is', async () => {
    const path = freshPath()
    await makeLog(path)
    change(path, 'PRAGMA user_version = 7')
    const error = await refusedAt(path)
    expect(error).toBeInstanceOf(LogVersionError)
    expect(error.message).toMatch(/format version 7; .* reads 3: update Millrace/)
    change(path, 'PRAGMA user_version = 3')
    await using log = await openEmbeddedLog({ path })
    expect(await readValues(log, { topic: 'orders', partition: 0 })).toEqual(['a'])
  })

  it('is not a file of SQLite, and is left as it is', async () => {
    const path = freshPath()
    const content = 'My dear diary, this is not a database. '.repeat(50)
    writeFileSync(path, content)
    const error = await refusedAt(path)
    expect(error).toBeInstanceOf(NotALogError)
    expect(error.message).toContain('no SQLite database')
    expect(readFileSync(path, 'utf8')).toBe(content)
    expect(readdirSync(dirname(path))).toEqual([basename(path)])
  })

  it("is another program's database, and its tables stay", async () => {
    const path = freshPath()
    change(path, 'CREATE TABLE notes (text TEXT); INSERT INTO notes VALUES (1)')
    const error = await refusedAt(path)
    expect(error).toBeInstanceOf(NotALogError)
    expect(error.message).toContain('another program')
    const database = new DatabaseSync(path)
    expect(database.prepare('SELECT name FROM sqlite_schema').all()).toEqual([{ name: 'notes' }])
    expect(database.prepare('PRAGMA journal_mode').get()).toEqual({ journal_mode: 'delete' })
    database.close()
  })

  it('is below something that is no folder', async () => {
    const path = freshPath()
    writeFileSync(path, '')
    const error = await refusedAt(join(path, 'below', 'log.db'))
    expect(error).toBeInstanceOf(LogPathError)
    expect(error.message).toMatch(/folder cannot be made or read.*Give a path/)
  })

  it('is a folder', async () => {
    const path = freshPath()
    mkdirSync(path)
    const error = await refusedAt(path)
    expect(error).toBeInstanceOf(LogPathError)
    expect(error.message).toContain('it is a folder')
  })

  // Not even root may make a file there.
  it.skipIf(process.platform !== 'linux')('is in a folder that may not be written', async () => {
    const error = await refusedAt('/proc/millrace.db')
    expect(error).toBeInstanceOf(LogPathError)
    expect(error.message).toMatch(/SQLite cannot open it.*may be written/)
  })

  it('is on a network file system', async () => {
    const path = freshPath()
    const error = await refusedAt(path, { fileSystemTypeOf: () => 0x6969 })
    expect(error).toBeInstanceOf(NetworkFileSystemError)
    expect(error.message).toContain('NFS')
    expect(existsSync(path)).toBe(false)
  })

  it('has pages that SQLite cannot read', async () => {
    const path = freshPath()
    await makeLog(path)
    const bytes = readFileSync(path)
    // Past the header, which still says what the file is.
    bytes.fill(0xff, 100)
    writeFileSync(path, bytes)
    const error = await refusedAt(path)
    expect(error).toBeInstanceOf(LogDamagedError)
    expect(error.message).toContain('restore it from a backup')
  })

  it('was asked for with options that contradict each other, all reported at once', async () => {
    const error = await refusal(openEmbeddedLog({ path: '/x', memory: true, maxPageCount: 0, offsetGap: -1 }))
    expect(error).toBeInstanceOf(InvalidOptionsError)
    for (const option of ['memory', 'maxPageCount', 'offsetGap']) expect(error.message).toContain(option)
    expect(await refusal(openEmbeddedLog({}))).toBeInstanceOf(InvalidOptionsError)
  })
})

describe('a log that was refused once', () => {
  it('opens when the cause is gone: the lock is free', async () => {
    const path = freshPath()
    writeFileSync(path, 'not a database, and long enough to be taken for one '.repeat(20))
    await refusal(openEmbeddedLog({ path }))
    writeFileSync(path, '')
    await makeLog(path)
  })
})

describe('a log that is opened', () => {
  it('makes the folders of its file', async () => {
    const path = join(dirname(freshPath()), 'a', 'b', 'log.db')
    await makeLog(path)
    expect(existsSync(path)).toBe(true)
  })

  it('has the real path of its file as its location', async () => {
    const path = freshPath()
    await makeLog(path)
    const link = join(dirname(path), 'link.db')
    symlinkSync(path, link)
    await using log = await openEmbeddedLog({ path: link })
    expect(log.location).toBe(`file:${path}`)
    expect(await readValues(log, { topic: 'orders', partition: 0 })).toEqual(['a'])
  })

  it('leaves one file when it is closed, beside the lock', async () => {
    const path = freshPath()
    await makeLog(path)
    expect(['', '-wal', '-shm', '.pid'].filter((suffix) => existsSync(`${path}${suffix}`))).toEqual([''])
  })

  it.each([
    ['3.51.2', true],
    ['3.50.6', true],
    ['3.44.5', true],
    ['3.51.3', false],
    ['3.52.0', false],
    ['3.50.7', false],
    ['3.44.6', false],
  ])('with SQLite %s warns of its fault: %s', async (sqliteVersion, warns) => {
    const warnings: string[] = []
    const logger = { ...silentLogger, warn: (message: string) => void warnings.push(message) }
    const log = await openEmbeddedLog({ path: freshPath(), sqliteVersion, logger })
    await log.close()
    expect(warnings.map((warning) => warning.includes(sqliteVersion))).toEqual(warns ? [true] : [])
  })
})
