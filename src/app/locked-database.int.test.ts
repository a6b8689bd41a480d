import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { topic } from 'millrace'
import { command } from 'millrace/cqrs'
import { subscriber } from 'millrace/pubsub'
import { database } from 'millrace/sql'
import { expect, it, onTestFinished } from 'vitest'
import * as z from 'zod'
import { until } from '../log/conformance/until.ts'
import { databaseUrl, fileApp, freshFolder } from '../testing/crash-image.test-support.ts'

const numbers = topic('numbers', { schema: z.object({ n: z.number() }) })
const program = `
  const database = new (require('node:sqlite').DatabaseSync)(process.argv[1])
  database.exec('BEGIN IMMEDIATE')
  process.stdout.write('locked')
  process.stdin.on('end', () => database.exec('ROLLBACK')).resume()
`

/** Another program that has the write lock of a database, until it is told to give it back. */
async function lock(path: string): Promise<{ readonly processId: number; release(): Promise<void> }> {
  const child = spawn(process.execPath, ['-e', program, path], { stdio: ['pipe', 'pipe', 'ignore'] })
  onTestFinished(() => void child.kill('SIGKILL'))
  await once(child.stdout, 'data')
  const release = async () => {
    child.stdin.end()
    await once(child, 'exit')
  }
  return { processId: child.pid!, release }
}

it("another program that keeps a database's write lock is named in a line and by the status of all that waits for it", {
  timeout: 30_000,
}, async () => {
  const folder = freshFolder()
  const lines: string[] = []
  const note = (message: string) => void lines.push(message)
  const shop = database<{ seen: { n: number } }>('shop', {
    url: databaseUrl(folder),
    migrations: { '001': { up: (db) => db.schema.createTable('seen').addColumn('n', 'integer').execute() } },
  })
  await using app = fileApp(folder, { logger: { debug: () => {}, info: note, warn: note, error: note } })
  app.add(
    subscriber('sums', {
      from: numbers,
      database: shop,
      // Its time limit passes while it waits for the lock.
      timeout: '2s',
      retry: { attempts: 1 },
      on: async ({ n }, { tx }) => void (await tx.insertInto('seen').values({ n }).execute()),
    }),
    command('order', { database: shop, input: z.object({}), handle: () => {} }),
  )
  await app.start()
  const { processId, release } = await lock(`${folder}/app.db`)
  await app.publish(numbers, { n: 1 })
  const told = () => lines.filter((line) => line.includes('has kept its write lock for 5 s'))
  await until('the report', () => told().length > 0)
  expect(told()).toEqual([expect.stringMatching(/^The database .*app\.db cannot be written: .*kill -CONT.*kill -KILL/)])
  const { components, deadLetters } = await app.status()
  const waiting = {
    state: 'waiting',
    waitsFor: expect.arrayContaining([expect.stringMatching(/^the database's write lock is with /)]),
  }
  expect(components).toMatchObject([waiting, waiting])
  if (process.platform === 'linux') expect(told()[0]).toContain(`process ${processId} (`)
  expect(deadLetters).toEqual([])
  await release()
  await app.settled({ timeout: 15_000 })
  expect(await app.get(shop).selectFrom('seen').select('n').execute()).toEqual([{ n: 1 }])
  expect((await app.status()).components).toMatchObject([
    { state: 'running', waitsFor: [] },
    { state: 'running', waitsFor: [] },
  ])
  expect(lines.filter((line) => line.includes('app.db can be written again'))).toHaveLength(1)
})
