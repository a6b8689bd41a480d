import { MillraceError, messageOf, withoutFullStop } from '../core/errors.ts'
import { describePlace, type RecordPlace } from '../topics/errors.ts'

/** A handler threw at its last attempt. The component stopped; the record's offset is not committed. */
export class AttemptsSpentError extends MillraceError {
  readonly code = 'ATTEMPTS_SPENT'
  readonly component: string
  readonly place: RecordPlace
  readonly attempts: number
  constructor(failure: { component: string; place: RecordPlace; id: string; attempts: number; cause: unknown }) {
    const { component, place, id, attempts, cause } = failure
    super(
      `'${component}' failed ${attempts} ${attempts === 1 ? 'time' : 'times'} on the record in ${describePlace(place)} (id ${id}) and stopped: ${withoutFullStop(messageOf(cause))}. Its offset is not committed: after a mend and a restart it is handled again.`,
      { cause },
    )
    this.component = component
    this.place = place
    this.attempts = attempts
  }
}

/** An attempt took longer than its time limit; its signal is aborted with this, and what it declared is dropped. */
export class AttemptTimeoutError extends MillraceError {
  readonly code = 'ATTEMPT_TIMEOUT'
  override readonly retryable = true
  constructor(component: string, place: RecordPlace, timeoutMs: number) {
    super(
      `'${component}' took longer than ${timeoutMs} ms with the record in ${describePlace(place)}. Raise 'timeout', or pass the handler's signal to what it waits for.`,
    )
  }
}

/** The app stops and its deadline has come: the signal of an attempt that still runs is aborted with this. */
export class StoppingError extends MillraceError {
  readonly code = 'STOPPING'
  override readonly retryable = true
  constructor(component: string) {
    super(
      `'${component}' stops: the attempt's result is dropped, and its record is handled again after the next start.`,
    )
  }
}

/** `publish`, `send` or `tombstone` of a handler that has ended already. */
export class HandlerEndedError extends MillraceError {
  readonly code = 'HANDLER_ENDED'
  constructor(call: string) {
    super(`'${call}' was called after its handler had ended: await everything in the handler before it returns.`)
  }
}

/** A middleware called `next` a second time: the handler would run, and put out everything, twice. */
export class NextCalledTwiceError extends MillraceError {
  readonly code = 'NEXT_CALLED_TWICE'
  constructor() {
    super('A middleware called next() twice: call it once, and await it.')
  }
}

/** A name or value of a header, or an id, that a record cannot have. */
export class InvalidPublishOptionsError extends MillraceError {
  readonly code = 'INVALID_PUBLISH_OPTIONS'
  constructor(faults: readonly string[]) {
    super(`The options of a publish: ${faults.map(withoutFullStop).join('; ')}. Nothing was written.`)
  }
}

/** A record over the bound. Nothing was written. (Kafka: `max.message.bytes`, 1 MB by default.) */
export class RecordTooLargeError extends MillraceError {
  readonly code = 'RECORD_TOO_LARGE'
  constructor(topic: string, sizeBytes: number, mostBytes: number) {
    super(
      `A record for '${topic}' has ${sizeBytes} bytes with its key and headers, and ${mostBytes} is the most. Keep what is large elsewhere and publish where it is. Nothing was written.`,
    )
  }
}

/** A record of a type that a worker has no handler for: skipping it would lose the task. */
export class NoHandlerError extends MillraceError {
  readonly code = 'NO_HANDLER'
  constructor(component: string, name: string | undefined) {
    super(`'${component}' has no handler for a task of type ${name === undefined ? 'none' : `'${name}'`}.`)
  }
}

/** The database's checkpoint of a partition belongs to another log, or to a topic that was made anew. */
export class CheckpointLogError extends MillraceError {
  readonly code = 'CHECKPOINT_OF_ANOTHER_LOG'
  constructor(detail: { group: string; topic: string; partition: number; stored: string; found: string }) {
    super(
      `'${detail.group}' has a checkpoint of ${detail.topic}/${detail.partition} in its database that was made with ${detail.stored}, and this is ${detail.found}. Use the log that the database belongs to, or a fresh database.`,
    )
  }
}

/** The database's outbox publishes to another log: two logs would both get its messages, or each some of them. */
export class OutboxLogError extends MillraceError {
  readonly code = 'OUTBOX_OF_ANOTHER_LOG'
  constructor(detail: { readonly database: string; readonly log: string; readonly logId: string }, cause: unknown) {
    super(
      `The database ${detail.database} belongs to another log: what its commands and handlers put out goes there, and this log is ${detail.log} (id ${detail.logId}). Use the log that the database was used with, or a fresh database (MILLRACE_URL and DATABASE_URL say which).`,
      { cause },
    )
  }
}

/**
 * A database reported an error of its disk for a commit: whether that is done shows when the database is opened again.
 * Nothing is written to it until then, for what comes next might do the same once more.
 */
export class CommitOutcomeError extends MillraceError {
  readonly code = 'COMMIT_OUTCOME_UNKNOWN'
  constructor(location: string, cause: unknown) {
    super(
      `A commit to ${location} may be done or not (${messageOf(cause)}): check the disk and start the app again, which finds out.`,
      { cause },
    )
  }
}

/** A component has finished records that the log does not have (any more): the log was restored from an older copy, or lost its end. */
export class LogRewoundError extends MillraceError {
  readonly code = 'LOG_REWOUND'
  constructor(detail: { group: string; topic: string; partition: number; position: number; end: number }) {
    const { group, topic, partition, position, end } = detail
    super(
      `'${group}' has finished ${topic}/${partition} up to offset ${position}, and the log ends at ${end}: the log was restored from an older copy or has lost its end. What is published now would be skipped: restore log and database from copies of the same time, or begin with a fresh database.`,
    )
  }
}

/** The outbox's published position is above its last number: the database was restored from an older copy. */
export class OutboxRewoundError extends MillraceError {
  readonly code = 'OUTBOX_REWOUND'
  constructor(detail: { location: string; databaseId: string; published: number; last: number }) {
    super(
      `The outbox of ${detail.location} (database ${detail.databaseId}) ends at number ${detail.last}, but number ${detail.published} was published already: the database was restored from an older copy. Publishing would skip or repeat: give the copy a new id (delete the row 'database-id' of millrace_meta) after you compared it with the log.`,
    )
  }
}
