import { sql } from 'kysely'
import { describe, expect, test } from 'vitest'
import type { Progress } from '../../runtime/commit/progress.ts'
import { checkpointKey, message, openTestHome, txOf } from './sqlite-home.test-support.ts'

const advanceTo = (position: number) => (): { progress: Progress } => ({ progress: { position, finished: [] } })

describe('a transaction of a handler', () => {
  test('commits rows, checkpoint and outputs together', async () => {
    await using test = await openTestHome()
    const { home, db } = test
    const checkpoint = await home.claim(checkpointKey)
    expect(checkpoint.progress).toBeUndefined()
    const transaction = home.begin()
    await txOf(transaction).insertInto('items').values({ id: 1, name: 'one' }).execute()
    const finished = [
      [7, 9],
      [12, 12],
    ] as const
    const advance = () => ({ progress: { position: 5, finished } })
    const { outboxNumber } = await transaction.commit({ checkpoint, advance, outputs: [message('a'), message('b')] })
    expect(outboxNumber).toBe(2)
    expect(await db.selectFrom('items').selectAll().execute()).toEqual([{ id: 1, name: 'one' }])
    expect((await home.outbox.read(0, 1_000)).map(({ number, message: { value } }) => [number, value])).toEqual([
      [1, 'a'],
      [2, 'b'],
    ])
    expect((await home.claim(checkpointKey)).progress).toEqual({ position: 5, finished })
  })

  test('without a statement still commits its checkpoint and outputs', async () => {
    await using test = await openTestHome()
    const checkpoint = await test.home.claim(checkpointKey)
    await test.home.begin().commit({ checkpoint, advance: advanceTo(3), outputs: [message('a')] })
    expect(await test.home.outbox.lastNumber()).toBe(1)
    expect((await test.home.claim(checkpointKey)).progress).toEqual({ position: 3, finished: [] })
    expect(await test.home.begin().commit({ outputs: [] })).toEqual({ outboxNumber: 0 })
  })

  test('leaves nothing when it is rolled back, and its number is free again', async () => {
    await using test = await openTestHome()
    const transaction = test.home.begin()
    await txOf(transaction).insertInto('items').values({ id: 1, name: null }).execute()
    await transaction.rollback()
    await transaction.rollback()
    expect(await test.db.selectFrom('items').selectAll().execute()).toEqual([])
    await expect(transaction.commit({ outputs: [] })).rejects.toMatchObject({ code: 'TRANSACTION_ENDED' })
  })

  test('is rolled back when the checkpoint was claimed by another owner', async () => {
    await using test = await openTestHome()
    const old = await test.home.claim(checkpointKey)
    const current = await test.home.claim(checkpointKey)
    const transaction = test.home.begin()
    await txOf(transaction).insertInto('items').values({ id: 1, name: null }).execute()
    await expect(
      transaction.commit({ checkpoint: old, advance: advanceTo(9), outputs: [message('a')] }),
    ).rejects.toMatchObject({ code: 'FENCED' })
    expect(await test.db.selectFrom('items').selectAll().execute()).toEqual([])
    expect(await test.home.outbox.lastNumber()).toBe(0)
    await test.home.begin().commit({ checkpoint: current, advance: advanceTo(1), outputs: [] })
  })

  test('calls advance and committed of each one without another in between', async () => {
    await using test = await openTestHome()
    const checkpoint = await test.home.claim(checkpointKey)
    const calls: string[] = []
    const commits = [1, 2, 3].map((n) => {
      const advance = () => {
        calls.push(`advance ${n}`)
        return { progress: { position: n, finished: [] } }
      }
      return test.home
        .begin()
        .commit({ checkpoint, advance, committed: () => calls.push(`committed ${n}`), outputs: [] })
    })
    await Promise.all(commits)
    expect(calls).toEqual(['advance 1', 'committed 1', 'advance 2', 'committed 2', 'advance 3', 'committed 3'])
  })

  test('is rolled back when advance throws', async () => {
    await using test = await openTestHome()
    const checkpoint = await test.home.claim(checkpointKey)
    const advance = () => {
      throw new Error('no progress')
    }
    await expect(test.home.begin().commit({ checkpoint, advance, outputs: [message('a')] })).rejects.toThrow(
      'no progress',
    )
    expect(await test.home.outbox.lastNumber()).toBe(0)
    await test.db.insertInto('items').values({ id: 1, name: null }).execute() // the lock is free
  })

  test('takes no statement after its end', async () => {
    await using test = await openTestHome()
    const transaction = test.home.begin()
    const tx = txOf(transaction)
    await tx.insertInto('items').values({ id: 1, name: null }).execute()
    await transaction.commit({ outputs: [] })
    await expect(tx.insertInto('items').values({ id: 2, name: null }).execute()).rejects.toMatchObject({
      code: 'TRANSACTION_ENDED',
      message: expect.stringContaining('was committed'),
    })
    expect(await test.db.selectFrom('items').select('id').execute()).toEqual([{ id: 1 }])
    await expect(transaction.commit({ outputs: [] })).rejects.toMatchObject({ code: 'TRANSACTION_ENDED' })
  })

  test('goes on after an error of a statement that the handler catches', async () => {
    await using test = await openTestHome()
    const transaction = test.home.begin()
    const insert = (id: number) => txOf(transaction).insertInto('items').values({ id, name: null }).execute()
    await insert(1)
    await expect(insert(1)).rejects.toMatchObject({ code: 'ERR_SQLITE_ERROR', errcode: 1555 })
    await insert(2)
    await transaction.commit({ outputs: [] })
    expect(await test.db.selectFrom('items').select('id').execute()).toEqual([{ id: 1 }, { id: 2 }])
  })

  test('refuses to be ended by a statement', async () => {
    await using test = await openTestHome()
    const transaction = test.home.begin()
    await txOf(transaction).insertInto('items').values({ id: 1, name: null }).execute()
    await expect(sql`commit`.execute(txOf(transaction))).rejects.toMatchObject({ code: 'REFUSED_STATEMENT' })
    await transaction.rollback()
    expect(await test.db.selectFrom('items').selectAll().execute()).toEqual([])
  })

  test('that SQLite ended by itself takes no further statement, for it would commit alone', async () => {
    await using test = await openTestHome()
    const transaction = test.home.begin()
    const tx = txOf(transaction)
    await tx.insertInto('items').values({ id: 1, name: null }).execute()
    await expect(sql`insert or rollback into items values (1, 'again')`.execute(tx)).rejects.toMatchObject({
      errcode: 1555,
    })
    await expect(tx.insertInto('items').values({ id: 2, name: null }).execute()).rejects.toMatchObject({
      code: 'TRANSACTION_ENDED',
      message: expect.stringContaining('rolled back by SQLite'),
    })
    await expect(transaction.commit({ outputs: [message('a')] })).rejects.toMatchObject({ code: 'TRANSACTION_ENDED' })
    expect(await test.db.selectFrom('items').selectAll().execute()).toEqual([])
    expect(await test.home.outbox.lastNumber()).toBe(0)
  })
})

describe('a statement that nobody awaits', () => {
  test('makes the commit fail, and is in no transaction at all', async () => {
    await using test = await openTestHome()
    const transaction = test.home.begin('careless')
    const floating = txOf(transaction).insertInto('items').values({ id: 1, name: 'floating' }).execute()
    await expect(transaction.commit({ outputs: [message('a')] })).rejects.toMatchObject({
      code: 'UNAWAITED_STATEMENT',
      message: expect.stringContaining('careless'),
    })
    await floating
    await test.home.begin().commit({ outputs: [] })
    expect(await test.db.selectFrom('items').selectAll().execute()).toEqual([])
    expect(await test.home.outbox.lastNumber()).toBe(0)
  })

  test('that comes after the commit began is refused', async () => {
    await using test = await openTestHome()
    const transaction = test.home.begin()
    const tx = txOf(transaction)
    const committing = transaction.commit({ outputs: [] })
    await expect(tx.insertInto('items').values({ id: 1, name: null }).execute()).rejects.toMatchObject({
      code: 'TRANSACTION_ENDED',
    })
    await committing
    expect(await test.db.selectFrom('items').selectAll().execute()).toEqual([])
  })

  test('that waits for its turn when the transaction is rolled back does not run later', async () => {
    await using test = await openTestHome()
    const first = test.home.begin()
    await txOf(first).insertInto('items').values({ id: 1, name: null }).execute()
    const second = test.home.begin()
    const waiting = txOf(second).insertInto('items').values({ id: 2, name: null }).execute()
    const refused = expect(waiting).rejects.toMatchObject({ code: 'TRANSACTION_ENDED' })
    await second.rollback()
    await first.commit({ outputs: [] })
    await refused
    await test.db.insertInto('items').values({ id: 3, name: null }).execute() // its turn was given back
    expect(await test.db.selectFrom('items').select('id').execute()).toEqual([{ id: 1 }, { id: 3 }])
  })
})

describe('writers', () => {
  test('take turns in the order in which they came, transactions and single statements alike', async () => {
    await using test = await openTestHome()
    const order: number[] = []
    let open = 0
    const inTransaction = async (id: number) => {
      const transaction = test.home.begin()
      await txOf(transaction).insertInto('items').values({ id, name: null }).execute()
      expect(++open).toBe(1)
      order.push(id)
      await new Promise<void>((resolve) => setImmediate(resolve))
      await txOf(transaction).selectFrom('items').select('id').where('id', '=', id).executeTakeFirstOrThrow()
      open--
      await transaction.commit({ outputs: [] })
    }
    const alone = async (id: number) => {
      await test.db.insertInto('items').values({ id, name: null }).execute()
      order.push(id)
    }
    await Promise.all(Array.from({ length: 30 }, (_, id) => (id % 3 === 2 ? alone(id) : inTransaction(id))))
    expect(order.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 30 }, (_, id) => id))
    const transactions = order.filter((id) => id % 3 !== 2)
    expect(transactions).toEqual(transactions.toSorted((a, b) => a - b))
  })

  test('that keep the lock for too long are rolled back, and the next one goes on', async () => {
    await using test = await openTestHome()
    const transaction = test.home.begin('slow-service')
    const tx = txOf(transaction)
    await tx.insertInto('items').values({ id: 1, name: null }).execute()
    const next = test.db.insertInto('items').values({ id: 2, name: null }).execute()
    test.timing.clock.advanceBy(29_999)
    await tx.insertInto('items').values({ id: 4, name: null }).execute() // still open
    test.timing.clock.advanceBy(1)
    await next
    await expect(tx.insertInto('items').values({ id: 3, name: null }).execute()).rejects.toMatchObject({
      code: 'TRANSACTION_TIMEOUT',
      retryable: true,
      message: expect.stringContaining('slow-service'),
    })
    await expect(transaction.commit({ outputs: [] })).rejects.toMatchObject({ code: 'TRANSACTION_TIMEOUT' })
    expect(await test.db.selectFrom('items').select('id').execute()).toEqual([{ id: 2 }])
  })

  test('have no deadline left behind when they end in time', async () => {
    await using test = await openTestHome()
    await test.home.begin().commit({ outputs: [] })
    expect(test.timing.clock.nextAtMs).toBeUndefined()
  })

  test('that hold the lock for more than 100 ms are warned about, once each', async () => {
    await using test = await openTestHome()
    for (const [component, heldMs] of [
      ['quick', 100],
      ['slow', 101],
      ['slow', 500],
      ['other', 150],
    ] as const) {
      const transaction = test.home.begin(component)
      await txOf(transaction).insertInto('items').values({ id: heldMs, name: null }).execute()
      test.timing.measuredMs += heldMs
      await transaction.commit({ outputs: [] })
    }
    expect(test.logger.warnings).toEqual([
      expect.stringMatching(/slow held the write lock of memory: for 101 ms/),
      expect.stringMatching(/other held the write lock/),
    ])
  })
})

describe('a checkpoint', () => {
  test('of another log or topic is refused by name', async () => {
    await using test = await openTestHome()
    await test.home.claim(checkpointKey)
    for (const other of [{ logId: 'log-2' }, { topicId: 'topic-2' }]) {
      await expect(test.home.claim({ ...checkpointKey, ...other })).rejects.toMatchObject({
        code: 'CHECKPOINT_OF_ANOTHER_LOG',
        message: expect.stringContaining('orders/0'),
      })
    }
    expect((await test.home.claim({ ...checkpointKey, partition: 1, logId: 'log-2' })).progress).toBeUndefined()
  })

  test('carries positions up to 2^53', async () => {
    await using test = await openTestHome()
    const checkpoint = await test.home.claim(checkpointKey)
    const position = Number.MAX_SAFE_INTEGER
    await test.home.begin().commit({ checkpoint, advance: advanceTo(position), outputs: [] })
    expect((await test.home.claim(checkpointKey)).progress?.position).toBe(position)
  })
})

describe('closing', () => {
  test('rolls back what is open, turns away what waits and comes later, and is idempotent', async () => {
    const test = await openTestHome()
    const transaction = test.home.begin()
    await txOf(transaction).insertInto('items').values({ id: 1, name: null }).execute()
    const waiting = expect(test.db.deleteFrom('items').execute()).rejects.toMatchObject({ code: 'DATABASE_CLOSED' })
    await test.home.close()
    await test.home.close()
    await waiting
    const closed = { code: 'DATABASE_CLOSED' }
    await expect(txOf(transaction).selectFrom('items').selectAll().execute()).rejects.toMatchObject(closed)
    await expect(transaction.commit({ outputs: [] })).rejects.toMatchObject(closed)
    await expect(test.db.selectFrom('items').selectAll().execute()).rejects.toMatchObject(closed)
    await expect(test.home.begin().commit({ outputs: [] })).rejects.toMatchObject(closed)
  })
})
