import { MillraceError } from '../core/errors.ts'
import { describeFaults, type Fault } from '../core/faults.ts'

/** What was to be published or sent does not fit the schema of its topic. Every fault is listed; nothing was written. */
export class InvalidEventError extends MillraceError {
  readonly code = 'INVALID_EVENT'
  readonly topic: string
  readonly faults: readonly Fault[]
  constructor(topic: string, faults: readonly Fault[], options?: ErrorOptions) {
    super(`This does not fit the schema of '${topic}': ${describeFaults(faults)}. Nothing was written.`, options)
    this.topic = topic
    this.faults = faults
  }
}

/** Where a record stands in the log. */
export interface RecordPlace {
  readonly topic: string
  readonly partition: number
  readonly offset: number
}
/** `order-events/3 at offset 17`. */
export function describePlace({ topic, partition, offset }: RecordPlace): string {
  return `${topic}/${partition} at offset ${offset}`
}

/** A record whose bytes its codec cannot read, or whose value does not fit the schema. */
export class UnreadableRecordError extends MillraceError {
  readonly code = 'UNREADABLE_RECORD'
  readonly place: RecordPlace
  readonly faults: readonly Fault[]
  constructor(place: RecordPlace, faults: readonly Fault[], options?: ErrorOptions) {
    super(`The record in ${describePlace(place)} cannot be read: ${describeFaults(faults)}.`, options)
    this.place = place
    this.faults = faults
  }
}

/** A tombstone for a topic whose records have no key. */
export class NoKeyError extends MillraceError {
  readonly code = 'NO_KEY'
  constructor(topic: string) {
    super(`'${topic}' has no key: only a topic defined with 'key' takes tombstones.`)
  }
}

/** A value that JSON has no text for, such as `undefined` or a function. */
export class NoJsonError extends MillraceError {
  readonly code = 'NO_JSON'
  constructor(value: unknown) {
    super(`JSON has no text for ${typeof value}: give an object, an array, a string, a number, a boolean or null.`)
  }
}

/** A codec that gave neither bytes nor text. */
export class NotBytesError extends MillraceError {
  readonly code = 'NOT_BYTES'
  constructor(value: unknown) {
    super(`Its codec gave ${typeof value}: bytes() takes a Uint8Array, text() takes a string.`)
  }
}

/** Text that UTF-8 cannot hold, or bytes that are not UTF-8. */
export class NotTextError extends MillraceError {
  readonly code = 'NOT_TEXT'
  constructor() {
    super('The value is no UTF-8 text: give its topic the codec bytes().')
  }
}

/** A record of a version that its topic's definition cannot turn into its own. The cause of an `UnreadableRecordError`. */
export class UpcastError extends MillraceError {
  readonly code = 'UPCAST'
}
