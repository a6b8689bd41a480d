import { FsyncProbe } from '../harness/fsync-rate.ts'
import { ratesInTurns, runsOfEach, summarize } from '../harness/measure.ts'
import type { BenchmarkContext, Group, Row } from '../harness/suite.ts'
import { formatNumber } from '../harness/table.ts'
import type { WorkFolder } from '../harness/work-folder.ts'
import { installPeers } from '../peers/install.ts'
import { runBullMq } from './bullmq-round.ts'
import { type Load, type RoundRates, runMillrace } from './millrace-round.ts'
import { findRedis } from './redis-server.ts'

const goalTimes = 5
const load: Load = { inBulk: 30_000, single: 10_000 }
const warmUp: Load = { inBulk: 5_000, single: 1_000 }

/** Redis with no options writes a snapshot now and then; the other one makes each write durable before it answers, as we do. */
const peers = [
  { name: 'BullMQ, Redis by default', options: [] },
  { name: 'BullMQ, appendfsync always', options: ['--appendonly', 'yes', '--appendfsync', 'always'] },
]

interface Round {
  readonly fsyncs: number
  readonly ours: RoundRates
  /** In the order of `peers`; empty without a Redis. */
  readonly theirs: readonly RoundRates[]
}

/** Tasks added and done, and beside them BullMQ's in the same minute: each round measures all of them. */
export const throughput: Group = {
  name: 'throughput',
  measure: async ({ folder }: BenchmarkContext) => {
    const redis = findRedis()
    if (redis === undefined) {
      console.error(
        `\n  *** BullMQ IS SKIPPED: no redis-server on the PATH. On Debian: apt-get install redis-server ***\n`,
      )
    } else installPeers()
    await runRound({ folder, redis, load: warmUp })
    const rounds: Round[] = []
    while (rounds.length < runsOfEach) rounds.push(await runRound({ folder, redis, load }))
    return describe(rounds)
  },
}

async function runRound({
  folder,
  redis,
  load,
}: {
  readonly folder: WorkFolder
  readonly redis: string | undefined
  readonly load: Load
}): Promise<Round> {
  using probe = new FsyncProbe(folder)
  const { fsyncs } = await ratesInTurns({ fsyncs: { work: () => probe.overwrite() } })
  const ours = await runMillrace(folder, load)
  const theirs: RoundRates[] = []
  for (const { options } of redis === undefined ? [] : peers) {
    theirs.push(await runBullMq({ path: redis!, options }, { folder, load }))
  }
  return { fsyncs, ours, theirs }
}

function describe(rounds: readonly Round[]): readonly Row[] {
  const alone = rounds[0]!.theirs.length === 0 ? 'no BullMQ beside it: there is no redis-server' : ''
  return [
    { what: 'fsync of 4 KiB, overwritten', unit: 'fsyncs/s', ...summarize(rounds.map(({ fsyncs }) => fsyncs)) },
    ...describeRates(
      'millrace',
      rounds.map(({ ours }) => ours),
      alone,
    ),
    ...rounds[0]!.theirs.flatMap((_, index) => {
      const { name } = peers[index]!
      const theirs = rounds.map((round) => round.theirs[index]!)
      return [...describeRates(name, theirs, ''), compare(name, rounds, index)]
    }),
  ]
}

function describeRates(name: string, rounds: readonly RoundRates[], note: string): readonly Row[] {
  const row = (what: string, rates: readonly number[]): Row => {
    return { what: `${name}: ${what}`, unit: 'tasks/s', ...summarize(rates), ...(note !== '' && { note }) }
  }
  return [
    row(
      'added, 1,000 a call',
      rounds.map(({ addBulk }) => addBulk),
    ),
    row(
      'added, one a call, 50 callers',
      rounds.map(({ addSingle }) => addSingle),
    ),
    row(
      'done, one process',
      rounds.map(({ doneByOne }) => doneByOne),
    ),
    row(
      'done, three processes',
      rounds.map(({ doneByThree }) => doneByThree),
    ),
  ]
}

/** In each round the best of ours beside the best of theirs. */
function compare(name: string, rounds: readonly Round[], index: number): Row {
  const bestOf = ({ doneByOne, doneByThree }: RoundRates) => Math.max(doneByOne, doneByThree)
  const times = summarize(rounds.map(({ ours, theirs }) => bestOf(ours) / bestOf(theirs[index]!)))
  const ours = formatNumber(summarize(rounds.map((round) => bestOf(round.ours))).value)
  const theirs = formatNumber(summarize(rounds.map((round) => bestOf(round.theirs[index]!))).value)
  const goal = { text: '≥ 5', met: times.value >= goalTimes }
  const note = `${ours} and ${theirs} tasks/s`
  return { what: `done, millrace beside ${name}`, unit: 'times', ...times, goal, note }
}
