/** What a process writes down while it runs, line by line: a kill takes nothing of it back. */
import { openSync, readFileSync, writeSync } from 'node:fs'
import type { Attempted } from './plant.ts'

/** A record of a topic that is cleaned, which was acknowledged. */
export interface Kept {
  readonly topic: string
  readonly partition: number
  readonly offset: number
  readonly key: string
  readonly id: string
  readonly isTombstone: boolean
  /** Not later than its own time. */
  readonly sentMs: number
}

export type Entry =
  | { readonly kind: 'ready' | 'settled' }
  | { readonly kind: 'acknowledged'; readonly topic: string; readonly id: string }
  | { readonly kind: 'booked'; readonly id: string }
  | ({ readonly kind: 'kept' } & Kept)
  /** A tombstone that may be there or not. */
  | { readonly kind: 'deleting'; readonly key: string; readonly atMs: number }
  /** Somebody asks for it; then he has an answer, or was killed before. */
  | { readonly kind: 'cancelling'; readonly id: string }
  | { readonly kind: 'cancel'; readonly id: string; readonly outcome: 'cancelled' | 'not-found' | 'pending' }
  | ({ readonly kind: 'attempt' } & Attempted)
  | { readonly kind: 'failed'; readonly message: string }

export class Journal {
  readonly #file: number

  constructor(path: string) {
    this.#file = openSync(path, 'a')
  }
  readonly write = (entry: Entry): void => {
    writeSync(this.#file, `${JSON.stringify(entry)}\n`)
  }
}

/** The whole lines: of the last one a kill may have left a part. */
export function readJournal(path: string): readonly Entry[] {
  const lines = readFileSync(path, 'utf8').split('\n')
  return lines.slice(0, -1).map((line) => JSON.parse(line) as Entry)
}
