import type { Position } from '../runtime/commit/position.ts'

/** Where a record is in a log; its text is made when it is asked for. */
export class LogPosition implements Position {
  readonly #logId: string
  readonly #topic: string
  readonly #partition: number
  readonly #offset: number
  constructor(logId: string, place: { readonly topic: string; readonly partition: number; readonly offset: number }) {
    this.#logId = logId
    this.#topic = place.topic
    this.#partition = place.partition
    this.#offset = place.offset
  }
  toString(): string {
    return `${this.#logId}:${this.#topic}/${this.#partition}@${this.#offset}`
  }
  toJSON(): string {
    return this.toString()
  }
}
