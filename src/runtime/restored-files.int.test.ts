import { describe, expect, it } from 'vitest'
import * as z from 'zod'
import { millrace } from '../app/millrace.ts'
import { silentLogger } from '../core/logger.ts'
import { command } from '../cqrs/index.ts'
import { subscriber } from '../pubsub/index.ts'
import { database } from '../sql/index.ts'
import { crashImage, databaseUrl, freshFolder } from '../testing/crash-image.test-support.ts'
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

describe('two apps on two logs that are given one database', () => {
  it('do not publish the messages of each other: the second is refused', async () => {
    const [log, other, shared] = [freshFolder(), freshFolder(), freshFolder()]
    // No checkpoint of a reader tells the logs apart here: it is the outbox that belongs to the first.
    const first = build({ log, database: shared }, 'log')
    await first.app.start()
    const second = build({ log: other, database: shared }, 'log')
    await expect(second.app.start()).rejects.toMatchObject({ code: 'CHECKPOINT_OF_ANOTHER_LOG' })
    for (const number of [1, 2, 3]) await first.publish.execute(number)
    await first.app.settled()
    expect(first.read).toEqual([1, 2, 3])
    await first.app.stop()
  })
})
