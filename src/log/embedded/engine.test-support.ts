/** Logs in files of their own, and what is in them. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { onTestFinished } from 'vitest'
import { poll, values } from '../conformance/harness.ts'
import { until } from '../conformance/until.ts'
import type { Log, TopicPartition } from '../log.ts'

/** Where a test may make a log; its folder is removed at the test's end. */
export function freshPath(): string {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-engine-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return join(folder, 'log.db')
}

/** A copy of a file that an earlier version wrote: fixtures/README.md says what it holds. */
export function logOfVersion(version: number): string {
  const path = freshPath()
  writeFileSync(path, gunzipSync(readFileSync(join(import.meta.dirname, 'fixtures', `version-${version}.db.gz`))))
  return path
}

/** The topic's partitions, made where they are missing. */
export async function ensureTopic(log: Log, topic: string, partitions = 1): Promise<readonly TopicPartition[]> {
  await log.ensureTopics([{ name: topic, partitions, exact: true }])
  return Array.from({ length: partitions }, (_, partition) => ({ topic, partition }))
}

/** The values of a partition from the start to the end as it is now, in order. */
export async function readValues(log: Log, partition: TopicPartition): Promise<(string | null)[]> {
  const [end = 0] = await log.offsets('end', [partition])
  const reader = log.createReader()
  reader.assign(partition, 0)
  const found: (string | null)[] = []
  await until(`reading ${partition.topic} to its end`, async () => {
    if (reader.position(partition) < end) found.push(...values(await poll(reader)))
    return reader.position(partition) >= end
  })
  await reader.close()
  return found
}

/** What a call is refused with. */
export async function refusal(call: Promise<unknown>): Promise<Error> {
  try {
    await call
  } catch (error) {
    if (error instanceof Error) return error
    throw error
  }
  throw new Error('It was not refused')
}
