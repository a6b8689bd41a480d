import { createHash, randomBytes } from 'node:crypto'
import { MillraceError } from './errors.ts'

/** A source of ids: text, unique, 1 to 128 characters of `[A-Za-z0-9._-]`. */
export type NewId = () => string

/** What a record's id may be: it is written to a header and to tables, and shown to people. */
export const idRule = '1 to 200 printable ASCII characters without spaces'

/** Whether it can be a record's id. */
export function isId(value: unknown): value is string {
  return typeof value === 'string' && /^[\x21-\x7e]{1,200}$/.test(value)
}

/** The app's option `id` gave something that cannot be an id. Nothing was written. */
export class InvalidIdError extends MillraceError {
  readonly code = 'INVALID_ID'
  constructor(value: unknown) {
    const shown = typeof value === 'string' ? JSON.stringify(value.slice(0, 40)) : typeof value
    super(`The app's option 'id' gave ${shown}: an id is ${idRule}. Nothing was written.`)
  }
}

/** A user's source of ids, each checked. Throws `InvalidIdError`. */
export function checkedIds(source: () => unknown): NewId {
  return () => {
    const id = source()
    if (!isId(id)) throw new InvalidIdError(id)
    return id
  }
}

/**
 * Ids of one process: 72 random bits drawn once, then a counter. Unique across processes and restarts, short, and
 * cheap enough (no random bytes an id) for every record to carry one.
 */
export function processIds(random: () => Buffer = () => randomBytes(9)): NewId {
  const prefix = notAnOption(random().toString('base64url'))
  let count = 0
  return () => `${prefix}.${(count++).toString(36)}`
}

/**
 * The same ids in the same order for the same `seed`: what a handler that runs again must get again.
 * 120 bits of SHA-256 over the seed and the number of the call.
 */
export function derivedIds(seed: string): NewId {
  let count = 0
  return () => notAnOption(createHash('sha256').update(`${seed}\n${count++}`).digest('base64url').slice(0, 20))
}

/** People type ids on command lines, where a hyphen begins an option. */
function notAnOption(id: string): string {
  return id.replace(/^-/, 'A')
}
