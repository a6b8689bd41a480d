import { type Logger, millrace } from 'millrace'
import { worker } from 'millrace/queue'
import { rateOf, runsOfEach, summarize } from '../harness/measure.ts'
import { makeOrder } from '../harness/orders.ts'
import type { Group, Row } from '../harness/suite.ts'
import { formatShare } from '../harness/table.ts'
import type { WorkFolder } from '../harness/work-folder.ts'
import { inParallel, tasks } from './tasks.ts'

const count = 50_000
const failingOneIn = 100
/** Each failure writes a line, which is part of the figure; nobody reads it here. */
const logger: Logger = { debug() {}, info() {}, warn() {}, error: (line) => console.error(line) }

/** Tasks of which some fail at their first attempt, beside the same without failures, in turns. */
export const failing: Group = {
  name: 'failing',
  measure: async ({ folder }) => {
    const rounds: { readonly without: number; readonly with: number }[] = []
    for (let round = 0; round <= runsOfEach; round++) {
      const rates = { without: await measureRate(folder, 0), with: await measureRate(folder, failingOneIn) }
      if (round > 0) rounds.push(rates)
    }
    const share = summarize(rounds.map((rates) => rates.with / rates.without)).value
    const row = (what: string, rates: readonly number[]): Row => ({ what, unit: 'tasks/s', ...summarize(rates) })
    return [
      row(
        'done, none fails',
        rounds.map(({ without }) => without),
      ),
      {
        ...row(
          'done, 1 % fail once and are retried after 10 ms',
          rounds.map((rates) => rates.with),
        ),
        note: `${formatShare(share, 1)} of the rate without failures`,
      },
    ]
  },
}

async function measureRate(folder: WorkFolder, oneIn: number): Promise<number> {
  let done = 0
  let failed = 0
  const workers = worker('workers', {
    from: tasks,
    retry: { delay: 10 },
    on: {
      ORDER_CREATED: async ({ orderId }, { attempt }) => {
        if (oneIn > 0 && attempt === 1 && Number(orderId.slice(-7)) % oneIn === 0) {
          failed++
          throw new Error('it fails once')
        }
        done++
      },
    },
  })
  await using app = millrace('failing', { url: `file:${folder.newPath('log')}`, logger })
  app.add(workers)
  await inParallel(count / 1_000, 2, (bulk) =>
    app.transaction(({ send }) => {
      for (let at = 0; at < 1_000; at++) send(tasks, makeOrder(bulk * 1_000 + at))
    }),
  )
  const rate = await rateOf(count, async () => {
    await app.start()
    await app.settled()
  })
  const expected = oneIn > 0 ? count / oneIn : 0
  if (done !== count || failed !== expected) throw new Error(`${done} of ${count} tasks were done, ${failed} failed.`)
  return rate
}
