import { MillraceError } from '../core/errors.ts'

/** Two components of one name in an app: both would use the same group, checkpoint and start-up line. */
export class DuplicateComponentError extends MillraceError {
  readonly code = 'DUPLICATE_COMPONENT'
  constructor(name: string, kinds: readonly [string, string]) {
    super(
      `This app has a ${kinds[0]} '${name}' already; the ${kinds[1]} needs another name, its group is kept under it.`,
    )
  }
}

/** Two definitions of one name that are not the same topic: their records would be checked by different schemas. */
export class DefinitionClashError extends MillraceError {
  readonly code = 'DEFINITION_CLASH'
  constructor(name: string, differences: readonly string[]) {
    super(
      `'${name}' is defined twice in this app, ${differences.join(' and ')}. Export one definition and use it everywhere: a copy is another one.`,
    )
  }
}

/** Topics of somebody else's that the log does not have. All that are missing are named; nothing was created. */
export class ExternalTopicMissingError extends MillraceError {
  readonly code = 'EXTERNAL_TOPIC_MISSING'
  constructor(names: readonly string[], location: string) {
    const topics = names.map((name) => `'${name}'`).join(', ')
    super(
      `${location} has no ${topics}, defined here as external: their owner creates them. Start the owner first, or check the names and the log's URL.`,
    )
  }
}

/** The schema of a topic is needed, and no component of this app reads or writes it. */
export class UndefinedTopicError extends MillraceError {
  readonly code = 'UNDEFINED_TOPIC'
  constructor(name: string) {
    super(
      `No component of this app knows '${name}', so its schema is not known here: do this in an app that has a component for it.`,
    )
  }
}

/** Two workers with names of their own on one queue: each would do every task. */
export class QueueTakenError extends MillraceError {
  readonly code = 'QUEUE_TAKEN'
  constructor(queue: string, workers: readonly [string, string]) {
    super(
      `Queue '${queue}' has worker '${workers[0]}' already; '${workers[1]}' would do each of its tasks again. Handle all types of tasks in one worker: its members share the work.`,
    )
  }
}

/** Something that no pattern's function returned. */
export class NotAComponentError extends MillraceError {
  readonly code = 'NOT_A_COMPONENT'
  constructor(value: unknown) {
    super(
      `${value === null ? 'null' : typeof value} is not a component: add what subscriber(), worker(), command() or database() returned.`,
    )
  }
}

/** `get` of a component that was not added. */
export class NotInAppError extends MillraceError {
  readonly code = 'NOT_IN_APP'
  constructor(component: string, app: string) {
    super(`'${component}' is not in app '${app}': app.add it first.`)
  }
}

/** A call that the app's state does not allow: `add` after `start`, anything after `stop`. */
export class AppStateError extends MillraceError {
  readonly code = 'APP_STATE'
  constructor(app: string, call: string, state: string) {
    super(`App '${app}' is ${state}: ${call} is not possible now.`)
  }
}

/** `app.publish` inside a handler: it would not commit with the handler. */
export class PublishInHandlerError extends MillraceError {
  readonly code = 'PUBLISH_IN_HANDLER'
  constructor(call: string) {
    super(`app.${call} was called inside a handler: use the ${call} of the handler's context, which commits with it.`)
  }
}

/** `settled` waited for its whole timeout. */
export class SettledTimeoutError extends MillraceError {
  readonly code = 'SETTLED_TIMEOUT'
  override readonly retryable = true
  constructor(timeoutMs: number, what: readonly string[]) {
    super(`Not settled after ${timeoutMs} ms: ${what.join('; ')}.`)
  }
}

/** Components died. `cause` is the first one's error. */
export class ComponentFailedError extends MillraceError {
  readonly code = 'COMPONENT_FAILED'
  constructor(failures: readonly { readonly component: string; readonly error: Error }[]) {
    super(failures.map(({ component, error }) => `'${component}' died: ${error.message}`).join(' '), {
      cause: failures[0]?.error,
    })
  }
}

/** An operator's log that is not there. Nothing was made. */
export class LogNotFoundError extends MillraceError {
  readonly code = 'LOG_NOT_FOUND'
  constructor(path: string) {
    super(`There is no log at ${path}: give the URL of one that an app has made (file:path/to/log.db).`)
  }
}

/** An operator's database that is not there, or that no group commits in. */
export class NoStoresError extends MillraceError {
  readonly code = 'NO_STORES'
  constructor(url: string) {
    super(`No group commits in ${url}: give the URL of an app's database (file:path/to/app.db).`)
  }
}

/** A group that never had a member nor committed anything. */
export class UnknownGroupError extends MillraceError {
  readonly code = 'UNKNOWN_GROUP'
  constructor(group: string, known: readonly string[]) {
    super(`There is no group '${group}' in this log${known.length === 0 ? '' : `, but ${known.join(', ')}`}.`)
  }
}

/** A record by hand for a topic of the framework's own. Nothing was written. */
export class OwnTopicError extends MillraceError {
  readonly code = 'OWN_TOPIC'
  constructor(topic: string) {
    super(`'${topic}' is the framework's own topic, and takes no records by hand: publish to one of yours.`)
  }
}

/** A log's URL that no engine takes. */
export class UnsupportedLogUrlError extends MillraceError {
  readonly code = 'UNSUPPORTED_LOG_URL'
  constructor(url: string, why: string) {
    super(
      `The log's URL ${JSON.stringify(url)} cannot be used: ${why}. Give file:path or memory:, in MILLRACE_URL or the option url.`,
    )
  }
}
