/** Which records a group has to do: of those that were sent with one id one, and none that was cancelled. */
import type { LogRecord } from './files.ts'
import { idOf } from './published.ts'

/** What those who asked for it were told. */
export interface Cancel {
  /** How often it was asked for. */
  readonly asked: number
  /** How often the answer was that it cannot be cancelled. */
  readonly refused: number
  readonly isCancelled: boolean
}

export interface Sources {
  /** In the order of their partitions. */
  readonly toDo: readonly LogRecord[]
  /** By id: nobody knows what became of the request to cancel it. */
  readonly perhapsCancelled: ReadonlySet<string>
  /** Delayed ones that were cancelled, and copies. Nothing comes of them. */
  readonly cancelled: readonly LogRecord[]
  readonly copies: readonly LogRecord[]
}

/** Whoever is cancelled may be sent again, without a delay: then that one is to be done. */
export function sourcesOf(records: readonly LogRecord[], cancels: ReadonlyMap<string, Cancel>): Sources {
  const toDo: LogRecord[] = []
  const copies: LogRecord[] = []
  const cancelled: LogRecord[] = []
  const perhapsCancelled = new Set<string>()
  const known = new Set<string>()
  for (const record of records) {
    const id = idOf(record)
    const cancel = cancels.get(id)
    if (cancel?.isCancelled && record.headers.has('millrace-due')) cancelled.push(record)
    else if (known.has(id)) copies.push(record)
    else {
      known.add(id)
      toDo.push(record)
      if (cancel !== undefined && !cancel.isCancelled && cancel.refused < cancel.asked) perhapsCancelled.add(id)
    }
  }
  return { toDo, copies, cancelled, perhapsCancelled }
}
