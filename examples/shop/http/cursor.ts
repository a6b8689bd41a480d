import type { Place } from '../order/orders.ts'

/** A place in a user's list as text that callers hand back and do not look into. */
export function writeCursor(userId: string, { createdAtMs, sequence }: Place): string {
  return Buffer.from(JSON.stringify([userId, createdAtMs, sequence])).toString('base64url')
}

/** The place; undefined for what `writeCursor` did not write, or wrote for another user. */
export function readCursor(userId: string, cursor: string): Place | undefined {
  const place = parse(Buffer.from(cursor, 'base64url').toString())
  return place !== undefined && writeCursor(userId, place) === cursor ? place : undefined
}

function parse(text: string): Place | undefined {
  try {
    const [, createdAtMs, sequence] = JSON.parse(text)
    return Number.isSafeInteger(createdAtMs) && Number.isSafeInteger(sequence) ? { createdAtMs, sequence } : undefined
  } catch {
    return undefined
  }
}
