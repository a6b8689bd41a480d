import { describe, expect, test } from 'vitest'
import { checkpointKey, message, openTestHome, sqliteError, type TestHome, txOf } from './sqlite-home.test-support.ts'

const ioError = () => sqliteError(10, 'disk I/O error')

/** A handler that writes two rows, publishes twice and moves its checkpoint. */
async function handle(test: TestHome): Promise<void> {
  const checkpoint = await test.home.claim(checkpointKey)
  const transaction = test.home.begin()
  try {
    for (const id of [1, 2]) await txOf(transaction).insertInto('items').values({ id, name: null }).execute()
    const advance = () => ({ progress: { position: 7, finished: [] } })
    await transaction.commit({ checkpoint, advance, outputs: [message('a'), message('b')] })
  } finally {
    await transaction.rollback()
  }
}

async function found(test: TestHome) {
  const rows = await test.db.selectFrom('items').select('id').execute()
  const outbox = await test.home.outbox.read(0, 1_000)
  const { progress } = await test.home.claim(checkpointKey)
  return { rows: rows.length, outbox: outbox.length, position: progress?.position }
}
const all = { rows: 2, outbox: 2, position: 7 }
const nothing = { rows: 0, outbox: 0, position: undefined }

/** Runs the handler with a fault planted at its n-th statement. Whether it was reached. */
async function handleWithFault(n: number, during: (sql: string, at: number) => void): Promise<boolean> {
  await using test = await openTestHome()
  let at = 0
  test.writer.before = (sql) => during(sql, ++at)
  const outcome = await handle(test).then(
    () => 'committed',
    (error: unknown) => error,
  )
  const reached = at >= n
  test.writer.before = () => {}
  expect({ n, found: await found(test) }).toEqual({ n, found: outcome === 'committed' ? all : nothing })
  if (reached) expect(outcome).toMatchObject({ message: expect.stringContaining('I/O') })
  else expect(outcome).toBe('committed')
  // Nothing is left behind: the same handler goes through afterwards.
  if (reached) {
    await handle(test)
    expect(await found(test)).toEqual(all)
  }
  return reached
}

describe('rows, checkpoint and outputs', () => {
  test('are all there or none of them, whichever statement fails', async () => {
    let n = 1
    while (await handleWithFault(n, (_, at) => at === n && raise())) n++
    // begin, select, upsert, commit of the claim; begin, 2 rows, 2 outputs, checkpoint, commit of the handler
    expect(n - 1).toBe(11)
  })

  test('are none of them when the rollback fails too', async () => {
    let n = 1
    while (await handleWithFault(n, (sql, at) => (at === n || (at > n && sql === 'rollback')) && raise())) n++
    expect(n - 1).toBe(11)
  })

  test('are not mixed up with those of a transaction whose rollback failed', async () => {
    await using test = await openTestHome()
    const lost = test.home.begin()
    await txOf(lost).insertInto('items').values({ id: 9, name: 'lost' }).execute()
    test.writer.before = (sql) => sql === 'rollback' && raise()
    await lost.rollback()
    await expect(handle(test)).rejects.toThrow(/I\/O/)
    test.writer.before = () => {}
    await handle(test)
    expect(await found(test)).toEqual(all)
  })
})

function raise(): never {
  throw ioError()
}
