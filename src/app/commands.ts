import { type Duration, toMilliseconds } from '../core/duration.ts'
import type { Log, StagedBatch } from '../log/log.ts'
import { BatchWriter, type RecordFields } from '../log/records/batch-writer.ts'
import { readAnswer } from '../runtime/parking/answers.ts'
import { commandTopic, type Outcome } from '../runtime/parking/command.ts'
import type { AppHost } from './host.ts'

/** How often the log is asked for an answer that another process may give, at least. */
const askedEveryMs = 20

/** Of the commands of one commit, about: they hold the records that they are about. */
const mostBytes = 1 << 20

/** One command, with the place that it is about. */
export interface Told {
  readonly id: string
  readonly group: string
  readonly topic: string
  readonly partition: number
  readonly fields: RecordFields
}

/** Tells groups what to do, durably, in order and in commits of bounded size: when it rejects, those before are told. */
export async function tellGroups(host: AppHost, log: Log, told: readonly Told[]): Promise<void> {
  let batches: StagedBatch[] = []
  let bytes = 0
  for (const [index, { group, partition, fields }] of told.entries()) {
    const writer = new BatchWriter()
    writer.append(fields)
    const batch = writer.finish()
    batches.push({ topic: commandTopic(group), partition, batch })
    bytes += batch.bytes.length
    if (bytes < mostBytes && index < told.length - 1) continue
    await log.commit({ batches })
    batches = []
    bytes = 0
  }
  host.progressed()
}

/** What became of commands: waits for the answers of the groups that run, all together so long; what has none is pending. */
export async function awaitOutcomes(
  host: AppHost,
  log: Log,
  told: readonly Told[],
  wait: Duration,
): Promise<readonly (Outcome | 'pending')[]> {
  const deadlineMs = performance.now() + toMilliseconds(wait)
  const outcomes: (Outcome | 'pending')[] = told.map(() => 'pending')
  for (;;) {
    for (const [index, command] of told.entries()) {
      if (outcomes[index] === 'pending') outcomes[index] = (await readAnswer(log, command)) ?? 'pending'
    }
    const restMs = deadlineMs - performance.now()
    if (restMs <= 0 || !outcomes.includes('pending')) return outcomes
    await host.nextProgress(Math.min(restMs, askedEveryMs))
  }
}
