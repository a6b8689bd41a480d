/** What the files have of what was published. */
import type { DatabaseFile, LogFile, LogRecord, OutboxMessage } from './files.ts'

export interface Files {
  readonly log: LogFile
  readonly database: DatabaseFile
}
export type Published = readonly (OutboxMessage | LogRecord)[]

/** What is in the log, and behind it what a database has committed for it. */
export function publishedOf({ log, database }: Files): Published {
  const [position] = log.group(`outbox-${database.id}`).progress
  return [...log.records, ...database.outbox.filter(({ number }) => number >= (position?.position ?? 1))]
}
export const idOf = ({ headers }: OutboxMessage): string => headers.get('millrace-id') ?? ''
export const sourceOf = ({ value }: OutboxMessage): string => (JSON.parse(value ?? '{}') as { source: string }).source
export const of = (published: Published, topic: string): Published =>
  published.filter((record) => record.topic === topic)
export const placeOf = ({ topic, partition, offset }: Pick<LogRecord, 'topic' | 'partition' | 'offset'>): string =>
  `${topic}/${partition} at ${offset}`

export function countBy<T>(items: readonly T[], name: (item: T) => string): ReadonlyMap<string, number> {
  const counts = new Map<string, number>()
  for (const item of items) counts.set(name(item), (counts.get(name(item)) ?? 0) + 1)
  return counts
}
