import { type Duration, toMilliseconds } from '../core/duration.ts'
import { MillraceError, messageOf } from '../core/errors.ts'

/** Throw it in a handler: the record is refused for good. It is given up at once, without a retry (`whenSpent`). */
export class RejectError extends MillraceError {
  readonly code = 'REJECTED'
  constructor(reason: string, options?: ErrorOptions) {
    super(reason, options)
  }
}

/** Throw it in a handler: again after this time, without spending an attempt. */
export class RetryAfterError extends MillraceError {
  readonly code = 'RETRY_AFTER'
  override readonly retryable = true
  readonly delayMs: number
  constructor(delay: Duration, options?: ErrorOptions) {
    const delayMs = toMilliseconds(delay)
    super(options?.cause === undefined ? `again in ${delayMs} ms` : messageOf(options.cause), options)
    this.delayMs = delayMs
  }
}

/**
 * What a component does with a record whose attempts are spent, that is rejected, or that cannot be read: with
 * `'dead-letter-in-order'` the records of its key wait until it is redriven or discarded, with `'dead-letter'` they go on.
 */
export type WhenSpent = 'dead-letter' | 'dead-letter-in-order' | 'skip' | 'stop'
