import { spawnSync } from 'node:child_process'
import { mkdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { sql } from 'kysely'
import { describe, expect, test } from 'vitest'
import { canonicalPath } from './open.ts'
import { checkpointKey, message, openTestHome, temporaryFolder, txOf } from './sqlite-home.test-support.ts'

describe('a database file', () => {
  test('keeps rows, checkpoint, outbox and its id', async () => {
    using folder = temporaryFolder()
    const path = folder.path('deep/er/app.db')
    {
      await using test = await openTestHome({ path })
      const checkpoint = await test.home.claim(checkpointKey)
      const transaction = test.home.begin()
      await txOf(transaction).insertInto('items').values({ id: 1, name: 'one' }).execute()
      const advance = () => ({ progress: { position: 4, finished: [] } })
      await transaction.commit({ checkpoint, advance, outputs: [message('a')] })
      await test.home.durable()
    }
    await using test = await openTestHome({ path })
    expect(test.home.databaseId).toBe('database-1')
    expect(test.home.location).toBe(`file:${canonicalPath(path)}`)
    expect(await test.db.selectFrom('items').selectAll().execute()).toEqual([{ id: 1, name: 'one' }])
    expect(await test.home.outbox.read(0, 1_000)).toMatchObject([{ number: 1, message: { value: 'a' } }])
    expect((await test.home.claim(checkpointKey)).progress?.position).toBe(4)
  })

  test('is read without waiting for the writer, and shows only what is committed', async () => {
    using folder = temporaryFolder()
    await using test = await openTestHome({ path: folder.path('app.db') })
    const transaction = test.home.begin()
    await txOf(transaction).insertInto('items').values({ id: 1, name: null }).execute()
    expect(await test.db.selectFrom('items').selectAll().execute()).toEqual([])
    expect(await test.home.outbox.lastNumber()).toBe(0)
    await transaction.commit({ outputs: [message('a')] })
    expect(await test.db.selectFrom('items').selectAll().execute()).toHaveLength(1)
    const { rows } =
      await sql`with gone as (select 1 as id) delete from items where id in (select id from gone) returning id`.execute(
        test.db,
      )
    expect(rows).toEqual([{ id: 1 }])
  })

  test('has one name, however its path is written', () => {
    using folder = temporaryFolder()
    mkdirSync(folder.path('real'))
    symlinkSync(folder.path('real'), folder.path('link'))
    const name = canonicalPath(folder.path('real/app.db'))
    expect(canonicalPath(folder.path('link/app.db'))).toBe(name)
    expect(canonicalPath(folder.path('real/../link/./app.db'))).toBe(name)
    writeFileSync(folder.path('real/app.db'), '')
    symlinkSync(folder.path('real/app.db'), folder.path('other.db'))
    expect(canonicalPath(folder.path('other.db'))).toBe(name)
  })

  test('keeps its write-ahead log short while nobody holds it back, and cuts it once it was long', async () => {
    using folder = temporaryFolder()
    const path = folder.path('app.db')
    await using test = await openTestHome({ path })
    const log = () => statSync(`${path}-wal`).size
    const fill = (id: number) =>
      test.db
        .replaceInto('items')
        .values({ id: id % 50, name: 'x'.repeat(20_000) })
        .execute()
    for (let id = 0; id < 2_000; id++) await fill(id)
    expect(log()).toBeLessThan(12 * 2 ** 20) // 2,000 × 20 kB were written
    const reader = new DatabaseSync(path)
    reader.exec('begin; select * from items')
    for (let id = 0; id < 4_000; id++) await fill(id)
    expect(log()).toBeGreaterThan(64 * 2 ** 20)
    reader.close()
    for (let id = 0; id < 400; id++) await fill(id)
    expect(log()).toBeLessThan(12 * 2 ** 20)
    expect(test.logger.warnings).toEqual([])
  })
})

describe('another process', () => {
  test('that holds the lock for a while is waited for without blocking', async () => {
    using folder = temporaryFolder()
    const path = folder.path('app.db')
    await using test = await openTestHome({ path })
    const other = new DatabaseSync(path)
    other.exec('begin immediate')
    const transaction = test.home.begin()
    const written = txOf(transaction).insertInto('items').values({ id: 1, name: null }).execute()
    while (test.timing.pauses < 5) await new Promise((resolve) => setImmediate(resolve))
    other.exec('commit')
    await written
    await transaction.commit({ outputs: [] })
    other.exec('begin immediate')
    const alone = test.db.insertInto('items').values({ id: 2, name: null }).execute()
    while (test.timing.pauses < 10) await new Promise((resolve) => setImmediate(resolve))
    other.exec('commit')
    await alone
    other.close()
    expect(await test.db.selectFrom('items').select('id').execute()).toEqual([{ id: 1 }, { id: 2 }])
  })

  test('that holds it for too long is reported, and nothing was written', async () => {
    using folder = temporaryFolder()
    const path = folder.path('app.db')
    await using test = await openTestHome({ path, lockTimeoutMs: 200 })
    const other = new DatabaseSync(path)
    other.exec('begin immediate')
    const busy = { code: 'DATABASE_BUSY', retryable: true, message: expect.stringContaining('200 ms') }
    await expect(test.home.begin().commit({ outputs: [message('a')] })).rejects.toMatchObject(busy)
    await expect(test.db.insertInto('items').values({ id: 1, name: null }).execute()).rejects.toMatchObject(busy)
    expect(test.timing.pauses).toBeGreaterThan(100)
    other.close()
    await test.home.begin().commit({ outputs: [] })
    expect(await test.home.outbox.lastNumber()).toBe(0)
  })

  test('claims the same checkpoint and fences the owner here', async () => {
    using folder = temporaryFolder()
    const path = folder.path('app.db')
    await using one = await openTestHome({ path })
    await using two = await openTestHome({ path })
    const old = await one.home.claim(checkpointKey)
    await two.home.claim(checkpointKey)
    const advance = () => ({ progress: { position: 1, finished: [] } })
    await expect(one.home.begin().commit({ checkpoint: old, advance, outputs: [] })).rejects.toMatchObject({
      code: 'FENCED',
    })
    await two.home.begin().commit({ outputs: [message('from two')] })
    expect(await one.home.outbox.read(0, 100)).toMatchObject([{ message: { value: 'from two' } }])
  })
})

describe('a database that cannot be used', () => {
  test('for its folder cannot be made', () => {
    using folder = temporaryFolder()
    writeFileSync(folder.path('file'), '')
    expect(() => canonicalPath(folder.path('file/below/app.db'))).toThrow(
      expect.objectContaining({ code: 'DATABASE_FOLDER', message: expect.stringContaining(folder.path('file/below')) }),
    )
  })

  test('for it is a folder', () => {
    using folder = temporaryFolder()
    expect(() => canonicalPath(folder.path(''))).toThrow(expect.objectContaining({ code: 'DATABASE_OPEN' }))
  })

  // A folder where even root may not write.
  test.skipIf(process.platform !== 'linux')('for its folder is not writable', async () => {
    await expect(openTestHome({ path: '/proc/app.db' })).rejects.toMatchObject({
      code: 'DATABASE_OPEN',
      message: expect.stringContaining('/proc/app.db'),
    })
  })

  test('for it is something else, which stays as it was', async () => {
    using folder = temporaryFolder()
    const path = folder.path('notes.txt')
    writeFileSync(path, 'these are notes, and not a database at all. '.repeat(100))
    await expect(openTestHome({ path })).rejects.toMatchObject({
      code: 'NOT_A_DATABASE',
      message: expect.stringContaining(path),
    })
    expect(statSync(path).size).toBe(4_400)
  })

  test('for it is damaged', async () => {
    using folder = temporaryFolder()
    const path = folder.path('app.db')
    await (await openTestHome({ path }))[Symbol.asyncDispose]()
    const damage = `import { openSync, writeSync } from 'node:fs'
      const file = openSync(process.argv[1], 'r+')
      writeSync(file, Buffer.alloc(4096 - 100, 0xee), 0, 4096 - 100, 100)`
    spawnSync(process.execPath, ['--input-type=module', '-e', damage, path])
    await expect(openTestHome({ path })).rejects.toMatchObject({ code: 'DATABASE_DAMAGED' })
  })

  test('for a later Millrace wrote it', async () => {
    using folder = temporaryFolder()
    const path = folder.path('app.db')
    await (await openTestHome({ path }))[Symbol.asyncDispose]()
    const database = new DatabaseSync(path)
    database.exec(`update millrace_meta set value = '2' where name = 'schema-version'`)
    database.close()
    await expect(openTestHome({ path })).rejects.toMatchObject({
      code: 'DATABASE_VERSION',
      message: expect.stringMatching(/version 2, and this Millrace knows versions up to 1/),
    })
  })

  test('for it is full: the transaction is undone, and the next one goes through when there is space', async () => {
    using folder = temporaryFolder()
    await using test = await openTestHome({ path: folder.path('app.db') })
    await sql`pragma max_page_count = 20`.execute(test.db)
    const transaction = test.home.begin()
    const tx = txOf(transaction)
    await tx.insertInto('items').values({ id: 1, name: null }).execute()
    const large = tx
      .insertInto('items')
      .values({ id: 2, name: 'x'.repeat(100_000) })
      .execute()
    await expect(large).rejects.toMatchObject({ code: 'DATABASE_FULL', retryable: true })
    await expect(transaction.commit({ outputs: [message('a')] })).rejects.toMatchObject({ code: expect.any(String) })
    await expect(test.home.begin().commit({ outputs: [message('x'.repeat(100_000))] })).rejects.toMatchObject({
      code: 'DATABASE_FULL',
    })
    expect(await test.db.selectFrom('items').selectAll().execute()).toEqual([])
    expect(await test.home.outbox.lastNumber()).toBe(0)
    await sql`pragma max_page_count = 1000`.execute(test.db)
    await test.home.begin().commit({ outputs: [message('x'.repeat(100_000))] })
    expect(await test.home.outbox.lastNumber()).toBe(1)
  })

  test('with a new id drawn where the old one was deleted', async () => {
    using folder = temporaryFolder()
    const path = folder.path('app.db')
    await (await openTestHome({ path }))[Symbol.asyncDispose]()
    const database = new DatabaseSync(path)
    database.exec(`update millrace_meta set value = 'old' where name = 'database-id'`)
    database.close()
    {
      await using test = await openTestHome({ path })
      expect(test.home.databaseId).toBe('old')
    }
    const again = new DatabaseSync(path)
    again.exec(`delete from millrace_meta where name = 'database-id'`)
    again.close()
    await using test = await openTestHome({ path })
    expect(test.home.databaseId).toBe('database-1')
  })
})
