import { createHash, randomBytes } from 'node:crypto'

/** A source of ids: text, unique, 1 to 128 characters of `[A-Za-z0-9._-]`. */
export type NewId = () => string

/**
 * Ids of one process: 72 random bits drawn once, then a counter. Unique across processes and restarts, short, and
 * cheap enough (no random bytes an id) for every record to carry one.
 */
export function processIds(random: () => Buffer = () => randomBytes(9)): NewId {
  const prefix = random().toString('base64url')
  let count = 0
  return () => `${prefix}.${(count++).toString(36)}`
}

/**
 * The same ids in the same order for the same `seed`: what a handler that runs again must get again.
 * 120 bits of SHA-256 over the seed and the number of the call.
 */
export function derivedIds(seed: string): NewId {
  let count = 0
  return () => createHash('sha256').update(`${seed}\n${count++}`).digest('base64url').slice(0, 20)
}
