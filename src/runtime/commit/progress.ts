import { MillraceError } from '../../core/errors.ts'

/** Offsets `first` to `last`, both included. */
export type Run = readonly [first: number, last: number]

/** How far a component is in a partition: everything below `position` is finished, and the runs above it are too. */
export interface Progress {
  readonly position: number
  /** Rising, apart from each other, none below `position`. */
  readonly finished: readonly Run[]
}

/** Offset metadata that we did not write, or that was damaged. */
export class UnreadableProgressError extends MillraceError {
  readonly code = 'UNREADABLE_PROGRESS'
  constructor(metadata: string) {
    super(
      `The metadata beside a committed offset is not ours: ${JSON.stringify(metadata.slice(0, 100))}. Another client commits for this group: give the component a group of its own.`,
    )
  }
}

const prefix = 'm1:'

/**
 * The finished runs as text beside a committed offset: `m1:` and base64 of varints, the gap before each run and its
 * length. A thousand runs take about 3 KB, below Kafka's limit of 4,096. Empty text for none.
 */
export function encodeFinished({ position, finished }: Progress): string {
  if (finished.length === 0) return ''
  const bytes: number[] = []
  let from = position
  for (const [first, last] of finished) {
    pushVarint(bytes, first - from)
    pushVarint(bytes, last - first)
    from = last + 1
  }
  return prefix + Buffer.from(bytes).toString('base64')
}

/** What `encodeFinished` wrote for this position. Throws `UnreadableProgressError`. */
export function decodeFinished(position: number, metadata: string): Progress {
  if (metadata === '') return { position, finished: [] }
  if (!metadata.startsWith(prefix)) throw new UnreadableProgressError(metadata)
  const bytes = Buffer.from(metadata.slice(prefix.length), 'base64')
  const finished: Run[] = []
  const cursor = { at: 0 }
  let from = position
  while (cursor.at < bytes.length) {
    const first = from + readVarint(bytes, cursor, metadata)
    const last = first + readVarint(bytes, cursor, metadata)
    finished.push([first, last])
    from = last + 1
  }
  // Base64 is read past what does not belong to it: only what would be written the same way is ours.
  const progress = { position, finished }
  if (!Number.isSafeInteger(from) || encodeFinished(progress) !== metadata) throw new UnreadableProgressError(metadata)
  return progress
}

function pushVarint(bytes: number[], value: number): void {
  let rest = value
  while (rest > 127) {
    bytes.push((rest % 128) | 128)
    rest = Math.floor(rest / 128)
  }
  bytes.push(rest)
}
function readVarint(bytes: Uint8Array, cursor: { at: number }, metadata: string): number {
  let value = 0
  let scale = 1
  for (;;) {
    const byte = bytes[cursor.at++]
    if (byte === undefined || scale > 2 ** 49) throw new UnreadableProgressError(metadata)
    value += (byte & 127) * scale
    if (byte < 128) return value
    scale *= 128
  }
}
