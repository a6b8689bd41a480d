import { DatabaseSync } from 'node:sqlite'
import { queue, worker } from 'millrace/queue'
import { database } from 'millrace/sql'
import { describe, expect, it } from 'vitest'
import * as z from 'zod'
import { readSettings } from '../app/millrace.ts'
import { MillraceApp } from '../app/millrace-app.ts'
import { silentLogger } from '../core/logger.ts'
import { ManualClock } from '../core/manual-clock.ts'
import { databaseUrl, fileApp, freshFolder, quiet } from '../testing/crash-image.test-support.ts'

const tasks = queue('tasks', {
  schema: z.object({ t: z.literal('t'), n: z.number() }),
  discriminator: 't',
  partitions: 1,
})
const shop = database('shop')

function write(file: string, sql: string): void {
  using connection = new DatabaseSync(file)
  connection.exec(sql)
}

describe.each(['log', 'database'] as const)('a process that hung, with the %s as home', (home) => {
  it('goes on when another one has done what it had parked, though its time comes before anybody told of the loss', async () => {
    const folder = freshFolder()
    const clock = new ManualClock(1_000_000)
    const lines: string[] = []
    const logger = { ...silentLogger, warn: (line: string) => lines.push(line) }
    const settings = { clock, databaseUrl: `file:${folder}/app.db` }
    await using app = new MillraceApp(readSettings('test', { url: `file:${folder}/log.db`, logger }, settings))
    const done: number[] = []
    const on = ({ n }: { n: number }) => void done.push(n)
    app.add(worker('workers', { from: tasks, ...(home === 'database' && { database: shop }), on: { t: on } }))
    await app.start()
    await app.send(tasks, { t: 't', n: 1 }, { delay: '1m' })
    await quiet(app)
    // As one that took the partition, did the task and gave the partition back; all in one turn of this process.
    write(`${folder}/log.db`, `UPDATE lease SET owner = NULL, epoch = epoch + 1 WHERE "group" = 'workers'`)
    if (home === 'log') write(`${folder}/log.db`, 'DELETE FROM store_entry')
    else write(`${folder}/app.db`, 'DELETE FROM millrace_store')
    clock.advanceBy(60_000)
    await app.waitUntil(performance.now() + 5_000, async () => lines.length > 0)
    expect(lines).toEqual([`'workers' lost tasks/0: another owner has it now`])
    await app.send(tasks, { t: 't', n: 2 })
    await app.settled()
    expect(done).toEqual([2])
    expect(app.health()).toEqual({ status: 'up', reasons: [] })
  })
})

it('a partition goes on whose checkpoint is claimed by a process that hung after it got the lease, and has lost it since', async () => {
  const folder = freshFolder()
  await using app = fileApp(folder)
  const done: number[] = []
  const on = { t: ({ n }: { n: number }) => void done.push(n) }
  app.add(worker('workers', { from: tasks, database: database('book', { url: databaseUrl(folder) }), on }))
  await app.start()
  await app.send(tasks, { t: 't', n: 1 })
  await app.settled()
  write(`${folder}/app.db`, 'UPDATE millrace_checkpoint SET epoch = epoch + 1')
  await app.send(tasks, { t: 't', n: 2 })
  await app.settled()
  // The attempt that was fenced has done nothing.
  expect(done).toEqual([1, 2, 2])
  expect(app.health()).toEqual({ status: 'up', reasons: [] })
})
