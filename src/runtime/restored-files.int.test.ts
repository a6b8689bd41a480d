import { describe, expect, it } from 'vitest'
import * as z from 'zod'
import { millrace } from '../app/millrace.ts'
import { silentLogger } from '../core/logger.ts'
import { command } from '../cqrs/index.ts'
import { subscriber } from '../pubsub/index.ts'
import { database } from '../sql/index.ts'
import { crashImage, databaseUrl, fileApp, freshFolder } from '../testing/crash-image.test-support.ts'
import { topic } from '../topics/topic.ts'

const numbers = topic('numbers', { schema: z.int(), partitions: 1 })

/** An app on two files, of which each test takes its own. */
function build(files: { readonly log: string; readonly database: string }, home: 'log' | 'database' = 'database') {
  const app = millrace('test', { url: `file:${files.log}/log.db`, logger: silentLogger })
  const db = database('rows', { url: databaseUrl(files.database) })
  const read: number[] = []
  const on = (number: number) => void read.push(number)
  app.add(subscriber('reader', home === 'log' ? { from: numbers, on } : { from: numbers, database: db, on }))
  const publishing = command('publish', {
    database: db,
    input: z.int(),
    handle: (number, { publish }) => publish(numbers, number),
  })
  return { app, publish: app.add(publishing), read }
}

describe('a log that was restored from an older copy', () => {
  it('is refused by a component that has finished more: what is published would be skipped', async () => {
    const folder = freshFolder()
    const { app } = build({ log: folder, database: folder })
    await app.start()
    await app.publish(numbers, 1)
    await app.settled()
    const older = crashImage(folder)
    await app.publish(numbers, 2)
    await app.settled()
    await app.stop()

    const restored = build({ log: older, database: folder })
    await expect(restored.app.start()).rejects.toMatchObject({
      code: 'LOG_REWOUND',
      message: expect.stringMatching(/'reader' has finished numbers\/0 up to offset 2, and the log ends at 1/),
    })
    expect(restored.read).toEqual([])
  })
})

describe('a file that is given for the log and for the database', () => {
  it('is the log, and the database is refused, whichever was there before', async () => {
    const folder = freshFolder()
    const options = { url: `file:${folder}/log.db` }
    const both = fileApp(folder)
    both.add(subscriber('reader', { from: numbers, database: database('rows', options), on: () => {} }))
    const refused = { code: 'DATABASE_IS_A_LOG', message: expect.stringMatching(/is a log's file.*DATABASE_URL/) }
    await expect(both.start()).rejects.toMatchObject(refused)
    await both.stop()
    const unstarted = fileApp(freshFolder())
    const rows = unstarted.add(database('rows', options))
    await expect(rows.selectFrom('rows' as never).execute()).rejects.toMatchObject(refused)
    await unstarted.stop()
    // The log is what it was.
    await using log = fileApp(folder)
    await log.publish(numbers, 1)
  })

  it('is not taken for a log where it is a database: the error says what it is', async () => {
    const folder = freshFolder()
    const app = fileApp(folder)
    const rows = app.add(database<{ rows: { n: number } }>('rows', { url: `file:${folder}/app.db` }))
    await rows.schema.createTable('rows').addColumn('n', 'integer').execute()
    await app.stop()
    const wrong = millrace('wrong', { url: `file:${folder}/app.db`, logger: silentLogger })
    await expect(wrong.start()).rejects.toMatchObject({
      code: 'NOT_A_LOG',
      message: expect.stringMatching(/it is an app's database \(DATABASE_URL\), and the log needs a file of its own/),
    })
  })
})

describe('two apps on two logs that are given one database', () => {
  it('do not publish the messages of each other: the second is refused', async () => {
    const [log, other, shared] = [freshFolder(), freshFolder(), freshFolder()]
    // No checkpoint of a reader tells the logs apart here: it is the outbox that belongs to the first.
    const first = build({ log, database: shared }, 'log')
    await first.app.start()
    const second = build({ log: other, database: shared }, 'log')
    await expect(second.app.start()).rejects.toMatchObject({ code: 'OUTBOX_OF_ANOTHER_LOG' })
    for (const number of [1, 2, 3]) await first.publish.execute(number)
    await first.app.settled()
    expect(first.read).toEqual([1, 2, 3])
    await first.app.stop()
  })
})
