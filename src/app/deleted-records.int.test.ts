import { topic } from 'millrace'
import { subscriber } from 'millrace/pubsub'
import { database } from 'millrace/sql'
import { expect, it } from 'vitest'
import * as z from 'zod'
import { silentLogger } from '../core/logger.ts'
import { ManualClock } from '../core/manual-clock.ts'
import { freshFolder } from '../testing/crash-image.test-support.ts'
import { readSettings } from './millrace.ts'
import { MillraceApp } from './millrace-app.ts'
import { openLog } from './open-log.ts'

const numbers = topic('numbers', { schema: z.object({ n: z.number() }), partitions: 2 })
const shop = database('shop')

it.each(['log', 'database'] as const)(
  'a group whose next records were deleted is settled, and goes on behind them, with the %s as home',
  async (home) => {
    const folder = freshFolder()
    const url = `file:${folder}/log.db`
    const seen: number[] = []
    const open = () => {
      const app = new MillraceApp(
        readSettings(
          'test',
          { url, logger: silentLogger },
          { clock: new ManualClock(0), databaseUrl: `file:${folder}/app.db` },
        ),
      )
      const on = ({ n }: { n: number }) => void seen.push(n)
      app.add(subscriber('group', { from: numbers, ...(home === 'database' && { database: shop }), on }))
      return app
    }
    const first = open()
    await first.start()
    for (let n = 0; n < 4; n++) await first.publish(numbers, { n })
    await first.settled()
    await first.stop()

    // While nobody reads: retention, or somebody with the log.
    const publisher = new MillraceApp(readSettings('publisher', { url, logger: silentLogger }))
    for (let n = 4; n < 10; n++) await publisher.publish(numbers, { n })
    await publisher.stop()
    const log = await openLog(url, { logger: silentLogger })
    const partitions = [0, 1].map((partition) => ({ topic: 'numbers', partition }))
    await log.deleteRecords(partitions.map((partition) => ({ ...partition, before: 1_000 })))
    await log.close()

    await using second = open()
    await second.start()
    await second.settled({ timeout: '2s' })
    expect((await second.status()).components.find(({ name }) => name === 'group')!.group!.lag).toBe(0)
    await second.publish(numbers, { n: 10 })
    await second.settled({ timeout: '2s' })
    expect(seen.sort((one, other) => one - other)).toEqual([0, 1, 2, 3, 10])
  },
)
