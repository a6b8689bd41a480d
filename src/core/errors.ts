/** What an error class says about itself: a stable code, and whether the same call may succeed later. */
export interface ErrorTraits {
  /** Stable, `UPPER_SNAKE_CASE`, unique: what programs match on. */
  readonly code: string
  /** True when the same call may succeed later without a change by the caller. */
  readonly retryable: boolean
}

/**
 * The root of every error that Millrace throws. One class stands for one failure; match on `code` or `instanceof`,
 * never on the message. `cause` is the native one.
 *
 * @example
 * ```ts
 * if (error instanceof MillraceError && error.retryable) await again()
 * ```
 */
export abstract class MillraceError extends Error implements ErrorTraits {
  abstract readonly code: string
  readonly retryable: boolean = false
  override get name(): string {
    return this.constructor.name
  }
}

/**
 * A log or a database is locked or full for the moment, or gave no answer. Nothing was written: whoever waits may do the
 * same again.
 */
export abstract class StorageUnavailableError extends MillraceError {
  override readonly retryable = true
}

/** A state that our own code rules out was reached: a bug of Millrace, worth a report. */
export class InvariantError extends MillraceError {
  readonly code = 'INVARIANT_BROKEN'
  constructor(what: string) {
    super(`${what}. This is a bug in Millrace: please report it with the stack.`)
  }
}

/** Throws `InvariantError` unless `condition` holds. For what our own code guarantees, never for a user's input. */
export function invariant(condition: boolean, what: string): asserts condition {
  if (!condition) throw new InvariantError(what)
}

/** The text of anything that was thrown; never throws itself. */
export function messageOf(thrown: unknown): string {
  try {
    return String(thrown instanceof Error ? thrown.message : thrown)
  } catch {
    // No prototype, or a getter that throws.
    return 'something was thrown that has no text'
  }
}

/** A message as a part of another sentence. */
export function withoutFullStop(message: string): string {
  return message.endsWith('.') && !message.endsWith('..') ? message.slice(0, -1) : message
}

/** What was thrown as an `Error` with a text: itself, or wrapped with it as the cause. */
export function toError(thrown: unknown): Error {
  try {
    if (thrown instanceof Error && typeof thrown.message === 'string') return thrown
  } catch {
    // Its message cannot be read: wrapped, everybody else may read one.
  }
  return new Error(messageOf(thrown), { cause: thrown })
}
