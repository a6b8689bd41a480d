import { describe, expect, test } from 'vitest'
import { openTestHome, txOf } from './sqlite-home.test-support.ts'

describe('the outer handle', () => {
  test('is refused inside a handler, for reads, writes and transactions, and usable after it', async () => {
    await using test = await openTestHome()
    const { home, db } = test
    const transaction = home.begin()
    await transaction.run(async () => {
      const refusal = { code: 'OUTER_HANDLE', message: expect.stringContaining("Use the 'tx'") }
      await txOf(transaction).insertInto('items').values({ id: 1, name: null }).execute()
      await expect(db.selectFrom('items').selectAll().execute()).rejects.toMatchObject(refusal)
      await expect(db.insertInto('items').values({ id: 2, name: null }).execute()).rejects.toMatchObject(refusal)
      await expect(db.transaction().execute(async () => {})).rejects.toMatchObject(refusal)
      expect(() => home.begin()).toThrow(expect.objectContaining({ code: 'OUTER_HANDLE' }))
    })
    await transaction.commit({ outputs: [] })
    expect(await db.selectFrom('items').select('id').execute()).toEqual([{ id: 1 }])
  })

  test('may be used by what a handler started and that outlives its transaction', async () => {
    await using test = await openTestHome()
    const transaction = test.home.begin()
    const ended = Promise.withResolvers<void>()
    const later = transaction.run(() => ended.promise.then(() => test.db.selectFrom('items').selectAll().execute()))
    await transaction.commit({ outputs: [] })
    ended.resolve()
    expect(await later).toEqual([])
  })

  test('of another database may be used inside a handler', async () => {
    await using one = await openTestHome()
    await using other = await openTestHome()
    const transaction = one.home.begin()
    await transaction.run(async () => {
      await txOf(transaction).insertInto('items').values({ id: 1, name: null }).execute()
      await other.db.insertInto('items').values({ id: 1, name: null }).execute()
      const inner = other.home.begin()
      await inner.run(async () => {
        await expect(one.db.selectFrom('items').selectAll().execute()).rejects.toMatchObject({ code: 'OUTER_HANDLE' })
      })
      await inner.commit({ outputs: [] })
    })
    await transaction.commit({ outputs: [] })
  })

  test('runs transactions of its own, with savepoints', async () => {
    await using test = await openTestHome()
    const { db } = test
    await db.transaction().execute((tx) => tx.insertInto('items').values({ id: 1, name: 'a' }).execute())
    await expect(
      db.transaction().execute(async (tx) => {
        await tx.insertInto('items').values({ id: 2, name: 'b' }).execute()
        throw new Error('no')
      }),
    ).rejects.toThrow('no')
    const tx = await db.startTransaction().execute()
    await tx.insertInto('items').values({ id: 3, name: 'c' }).execute()
    const savepoint = await tx.savepoint('before "four"').execute()
    await savepoint.insertInto('items').values({ id: 4, name: 'd' }).execute()
    await savepoint.rollbackToSavepoint('before "four"').execute()
    await tx.commit().execute()
    expect(await db.selectFrom('items').select('id').execute()).toEqual([{ id: 1 }, { id: 3 }])
  })

  test('does not run a statement by itself that its own transaction forgot', async () => {
    await using test = await openTestHome()
    const { db } = test
    const floating: Promise<unknown>[] = []
    const careless = db.transaction().execute(async (tx) => {
      for (const id of [1, 2, 3]) floating.push(tx.insertInto('items').values({ id, name: null }).execute())
    })
    await expect(careless).rejects.toMatchObject({ code: 'UNAWAITED_STATEMENT' })
    await Promise.allSettled(floating)
    expect(await db.selectFrom('items').selectAll().execute()).toEqual([])
  })

  test('lends a connection for transactions and single statements in turn, and takes it back', async () => {
    await using test = await openTestHome()
    let lent: typeof test.db | undefined
    await test.db.connection().execute(async (db) => {
      lent = db
      await db.transaction().execute((tx) => tx.insertInto('items').values({ id: 1, name: null }).execute())
      await db.insertInto('items').values({ id: 2, name: null }).execute()
      await db.transaction().execute((tx) => tx.insertInto('items').values({ id: 3, name: null }).execute())
    })
    await expect(lent!.insertInto('items').values({ id: 4, name: null }).execute()).rejects.toMatchObject({
      code: 'TRANSACTION_ENDED',
    })
    expect(await test.db.selectFrom('items').select('id').execute()).toEqual([{ id: 1 }, { id: 2 }, { id: 3 }])
  })

  test('reports changes as Kysely does, and streams rows', async () => {
    await using test = await openTestHome()
    const { db } = test
    const values = Array.from({ length: 25 }, (_, id) => ({ id, name: `n${id}` }))
    const inserted = await db.insertInto('items').values(values).executeTakeFirst()
    expect(inserted).toMatchObject({ insertId: 24n, numInsertedOrUpdatedRows: 25n })
    const updated = await db.updateTable('items').set({ name: null }).where('id', '<', 5).executeTakeFirst()
    expect(updated.numUpdatedRows).toBe(5n)
    const returned = await db.deleteFrom('items').where('id', '=', 3).returning('name').execute()
    expect(returned).toEqual([{ name: null }])
    const ids: number[] = []
    for await (const { id } of db.selectFrom('items').selectAll().stream(10)) ids.push(id)
    expect(ids).toHaveLength(24)
    expect((await db.introspection.getTables()).map(({ name }) => name)).toContain('items')
  })

  test('does not write when its signal was aborted while it waited', async () => {
    await using test = await openTestHome()
    const transaction = test.home.begin()
    await txOf(transaction).insertInto('items').values({ id: 1, name: null }).execute()
    const controller = new AbortController()
    const write = test.db.insertInto('items').values({ id: 2, name: null }).execute({ signal: controller.signal })
    const refused = expect(write).rejects.toThrow()
    controller.abort()
    await transaction.commit({ outputs: [] })
    await refused
    expect(await test.db.selectFrom('items').select('id').execute()).toEqual([{ id: 1 }])
  })
})
