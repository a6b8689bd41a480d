import { MillraceError } from '../core/errors.ts'

/** A method of a log after `close()`. */
export class LogClosedError extends MillraceError {
  readonly code = 'LOG_CLOSED'
  constructor(location: string) {
    super(`The log ${location} is closed: nothing can be read or written any more.`)
  }
}

/** A topic, or a partition of one, that the log does not have. */
export class UnknownTopicError extends MillraceError {
  readonly code = 'UNKNOWN_TOPIC'
  constructor(
    topic: string,
    {
      partition,
      known = [],
    }: {
      readonly partition?: { readonly asked: number; readonly count: number }
      /** Those that there are. */
      readonly known?: readonly string[]
    } = {},
  ) {
    const advice = known.length === 0 ? ': create it first' : `, but ${known.join(', ')}`
    super(
      partition === undefined
        ? `There is no topic '${topic}' in this log${advice}.`
        : `Topic '${topic}' has no partition ${partition.asked}: it has ${partition.count}, numbered from 0.`,
    )
  }
}

/** A name that no topic or group can have. */
export class InvalidNameError extends MillraceError {
  readonly code = 'INVALID_NAME'
  constructor(what: string, name: unknown, rule: string) {
    super(`${JSON.stringify(name) ?? String(name)} cannot name a ${what}: ${rule}.`)
  }
}

/** How a topic that exists differs from one that was asked for: in the count of its partitions, or in being compacted. */
export type TopicClash =
  | { readonly name: string; readonly asked: number; readonly found: number }
  | { readonly name: string; readonly compacted: boolean }

/** Topics exist with another partition count than was asked for, or compacted where that was not asked for, or not. */
export class TopicClashError extends MillraceError {
  readonly code = 'TOPIC_CLASH'
  constructor(clashes: readonly TopicClash[]) {
    const list = clashes.map((clash) => {
      if ('asked' in clash) return `'${clash.name}' has ${clash.found} partitions, ${clash.asked} were asked for`
      const [is, asked] = clash.compacted ? ['not compacted', 'a compacted one'] : ['compacted', 'one that is not']
      return `'${clash.name}' is ${is}, ${asked} was asked for`
    })
    super(`${list.join('; ')}. Ask for what is there, or leave it out; neither is changed by a definition.`)
  }
}

/** A record without a key, for a topic that keeps the last value of each key. */
export class KeyRequiredError extends MillraceError {
  readonly code = 'KEY_REQUIRED'
  constructor(topic: string) {
    super(`Topic '${topic}' is compacted: each record needs a key, and one has none. Nothing was written.`)
  }
}

/** A commit for a partition that this member no longer has: somebody else handles it now. Nothing was written. */
export class FencedError extends MillraceError {
  readonly code = 'FENCED'
  constructor(group: string, partition: { readonly topic: string; readonly partition: number }) {
    super(
      `Group '${group}': ${partition.topic}/${partition.partition} belongs to another member now. Nothing was written.`,
    )
  }
}

/** Offset metadata over the limit (Kafka's `offset.metadata.max.bytes`). */
export class MetadataTooLargeError extends MillraceError {
  readonly code = 'METADATA_TOO_LARGE'
  constructor(group: string, bytes: number, limit: number) {
    super(`Group '${group}': ${bytes} bytes of offset metadata, at most ${limit} are kept. Nothing was written.`)
  }
}

/** A reader was asked about a partition that it does not read. */
export class NotAssignedError extends MillraceError {
  readonly code = 'NOT_ASSIGNED'
  constructor(partition: { readonly topic: string; readonly partition: number }) {
    super(`This reader does not read ${partition.topic}/${partition.partition}: assign it first.`)
  }
}
