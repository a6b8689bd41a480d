/**
 * Buffers that batches are built in before they are copied out at their exact size. A few are kept for the next
 * batch: an application opens a writer for each unit, and most units are small.
 */

const smallestBytes = 4 * 1024
const largestKeptBytes = 2 * 1024 * 1024
const mostKept = 8

const kept: Buffer[] = []

/** At least `bytes` long, twice that where it was grown; content undefined. */
export function borrowScratch(bytes: number): Buffer {
  const last = kept.at(-1)
  if (last !== undefined && last.length >= bytes) {
    kept.pop()
    return last
  }
  // allocUnsafeSlow: a small one must not pin a piece of Node's shared pool.
  return Buffer.allocUnsafeSlow(bytes <= smallestBytes ? smallestBytes : bytes * 2)
}

/** Gives a buffer back. Nobody may hold a view of it any more. */
export function returnScratch(buffer: Buffer): void {
  if (buffer.length <= largestKeptBytes && kept.length < mostKept) kept.push(buffer)
}
