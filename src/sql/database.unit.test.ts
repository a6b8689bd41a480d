import { type Kysely, sql, type Transaction } from 'kysely'
import { describe, expect, expectTypeOf, test } from 'vitest'
import type { HandleOf } from '../core/component.ts'
import { ManualClock } from '../core/manual-clock.ts'
import type { DatabaseHome } from '../runtime/commit/commit-home.ts'
import { testHost } from './host.test-support.ts'
import { type Database, database, type Migration, type WithTx } from './index.ts'

interface Tables {
  payments: { order_id: string; amount: number }
}
const createPayments: Migration = {
  up: (db) => db.schema.createTable('payments').addColumn('order_id', 'text').addColumn('amount', 'integer').execute(),
}

describe('a database', () => {
  test('reports every fault of its options together', () => {
    const wrong: object = { url: 'postgres://db', transactionTimeout: 'soon', migrations: { '001': {} } }
    expect(() => database('not a name', wrong)).toThrow(
      expect.objectContaining({
        code: 'INVALID_OPTIONS',
        faults: [
          expect.objectContaining({ path: 'name' }),
          expect.objectContaining({ path: 'url', message: expect.stringContaining('postgres') }),
          expect.objectContaining({ path: 'transactionTimeout' }),
          expect.objectContaining({ path: 'migrations.001' }),
        ],
      }),
    )
    expect(() => database('a', { transactionTimeout: 0 })).toThrow(/more than 0/)
    const misspelt: object = { migration: {} }
    expect(() => database('a', misspelt)).toThrow(/migration: no such option: known are url, migrations/)
  })

  test('describes itself without opening anything', () => {
    expect(database('shop').describe()).toBe("database 'shop' at the app's DATABASE_URL")
    expect(database('shop', { url: 'file:x/shop.db' }).describe()).toBe("database 'shop' at file:x/shop.db")
  })

  test('infers its tables for the handle and for tx', () => {
    const payments = database<Tables>('payments')
    expectTypeOf<HandleOf<typeof payments>>().toEqualTypeOf<Kysely<Tables>>()
    expectTypeOf<WithTx<{ id: string }, Tables>['tx']>().toEqualTypeOf<Transaction<Tables>>()
    expectTypeOf<WithTx<{ id: string }, never>>().toEqualTypeOf<{ id: string }>()
    const infer = <T>(_: Database<T>, handle: (tx: Transaction<T>) => unknown) => handle
    infer(payments, (tx) => tx.insertInto('payments').values({ order_id: 'a', amount: 1 }))
    // @ts-expect-error: there is no such column
    infer(payments, (tx) => tx.insertInto('payments').values({ order_id: 'a', total: 1 }))
    // @ts-expect-error: another database's tables
    const other: Database<{ users: { id: string } }> = payments
    expect(other.kind).toBe('database')
  })

  test('runs its migrations before the first statement, also without a start', async () => {
    const attached = database<Tables>('payments', { migrations: { '001': createPayments } })['~attach'](testHost())
    const { handle } = attached
    await handle.insertInto('payments').values({ order_id: 'a', amount: 5 }).execute()
    await attached.start()
    expect(await handle.selectFrom('payments').selectAll().execute()).toEqual([{ order_id: 'a', amount: 5 }])
    await attached.stop(0)
    expect(await handle.selectFrom('payments').select('amount').executeTakeFirst()).toEqual({ amount: 5 })
    await attached.close?.()
    await attached.close?.()
    await expect(handle.selectFrom('payments').selectAll().execute()).rejects.toMatchObject({ code: 'DATABASE_CLOSED' })
    await expect(attached.start()).rejects.toMatchObject({ code: 'DATABASE_CLOSED' })
  })

  test('shares memory, outbox and id with the others of its app, and with no other app', async () => {
    const host = testHost()
    const one = database<Tables>('one', { migrations: { '001': createPayments } })['~attach'](host)
    const two = database<Tables>('two')['~attach'](host)
    const foreign = database('one')['~attach'](testHost())
    const [home, same, other] = await Promise.all([one, two, foreign].map(({ home }) => home!()))
    expect(same).toBe(home)
    expect(other?.databaseId).not.toBe(home?.databaseId)
    await two.handle.insertInto('payments').values({ order_id: 'a', amount: 1 }).execute()
    await one.close?.()
    expect(await two.handle.selectFrom('payments').selectAll().execute()).toHaveLength(1)
    await expect(one.handle.selectFrom('payments').selectAll().execute()).rejects.toMatchObject({
      code: 'DATABASE_CLOSED',
    })
    await two.close?.()
    await expect((home as DatabaseHome).begin().commit({ outputs: [] })).rejects.toMatchObject({
      code: 'DATABASE_CLOSED',
    })
  })

  test('is refused at the start when the app has a URL of another kind', async () => {
    const attached = database('payments')['~attach'](testHost('postgres://db'))
    await expect(attached.start()).rejects.toMatchObject({ code: 'UNSUPPORTED_DATABASE_URL' })
  })

  test('gives the transactions of its handle its own deadline', async () => {
    const clock = new ManualClock()
    const attached = database<Tables>('p', { migrations: { '001': createPayments }, transactionTimeout: 5 })['~attach'](
      testHost('memory:', clock),
    )
    await attached.start()
    const stuck = await attached.handle.startTransaction().execute()
    await stuck.insertInto('payments').values({ order_id: 'a', amount: 1 }).execute()
    const next = attached.handle.insertInto('payments').values({ order_id: 'b', amount: 1 }).execute()
    clock.advanceBy(5)
    await next
    await expect(stuck.commit().execute()).rejects.toMatchObject({ code: 'TRANSACTION_TIMEOUT' })
    await stuck.rollback().execute()
    expect(await attached.handle.selectFrom('payments').select('order_id').execute()).toEqual([{ order_id: 'b' }])
    await attached.close?.()
  })
})

describe('migrations', () => {
  const noting = (notes: string[], name: string, fail = false): Migration => ({
    up: async (db) => {
      notes.push(name)
      await sql`create table ${sql.table(`t_${name}`)} (a)`.execute(db)
      if (fail) throw new Error('not today')
    },
  })
  const tableNames = async (handle: Kysely<Tables>) =>
    (await handle.introspection.getTables()).map(({ name }) => name).filter((name) => name.startsWith('t_'))

  test('run in the order of their names, once', async () => {
    const host = testHost()
    const notes: string[] = []
    const first = database('p', { migrations: { b: noting(notes, 'b'), a: noting(notes, 'a') } })['~attach'](host)
    await first.start()
    const migrations = { c: noting(notes, 'c'), a: noting(notes, 'a'), b: noting(notes, 'b') }
    const second = database('p', { migrations })['~attach'](host)
    await second.start()
    expect(notes).toEqual(['a', 'b', 'c'])
    await Promise.all([first.close?.(), second.close?.()])
  })

  test('of databases on one file do not know of each other', async () => {
    const host = testHost()
    const notes: string[] = []
    const one = database<Tables>('one', { migrations: { '001': noting(notes, 'one') } })['~attach'](host)
    const two = database<Tables>('two', { migrations: { '001': noting(notes, 'two') } })['~attach'](host)
    await Promise.all([one.start(), two.start()])
    expect(notes.toSorted()).toEqual(['one', 'two'])
    expect(await tableNames(one.handle)).toEqual(['t_one', 't_two'])
    await Promise.all([one.close?.(), two.close?.()])
  })

  test('that fail are named, and leave nothing, and the start may be tried again', async () => {
    const host = testHost()
    const keeper = database<Tables>('keeper')['~attach'](host)
    await keeper.start()
    const notes: string[] = []
    const migrations = { '1': noting(notes, 'first'), '2': noting(notes, 'second', true), '3': noting(notes, 'third') }
    const failing = database<Tables>('p', { migrations })['~attach'](host)
    const failure = {
      code: 'MIGRATION_FAILED',
      migration: '2',
      message: expect.stringMatching(/Migration '2' of database 'p' failed on memory:: not today/),
      cause: expect.objectContaining({ message: 'not today' }),
    }
    await expect(failing.start()).rejects.toMatchObject(failure)
    await expect(failing.handle.selectFrom('payments').selectAll().execute()).rejects.toMatchObject(failure)
    expect(notes).toEqual(['first', 'second', 'first', 'second'])
    expect(await tableNames(keeper.handle)).toEqual([])
    const mended = database('p', { migrations: { '1': noting(notes, 'first') } })['~attach'](host)
    await mended.start()
    expect(await tableNames(keeper.handle)).toEqual(['t_first'])
    await Promise.all([keeper.close?.(), mended.close?.()])
  })

  test('that ran and are gone from the list are reported', async () => {
    const host = testHost()
    const before = database('p', { migrations: { '1': noting([], 'one') } })['~attach'](host)
    await before.start()
    const after = database('p', { migrations: { '2': noting([], 'two') } })['~attach'](host)
    await expect(after.start()).rejects.toMatchObject({ code: 'MIGRATION_FAILED', migration: undefined })
    await before.close?.()
  })
})
