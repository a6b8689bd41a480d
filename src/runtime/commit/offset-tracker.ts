import { invariant } from '../../core/errors.ts'
import type { Progress, Run } from './progress.ts'

/** A record that was taken and is not finished. Nodes of a list in offset order. */
export interface UnfinishedOffset {
  readonly offset: number
  previous: UnfinishedOffset | undefined
  next: UnfinishedOffset | undefined
  /** The run of finished offsets right behind it; -1 where there is none. */
  runFirst: number
  runLast: number
  finished: boolean
}

/**
 * Which records of one partition are finished, while they finish in any order.
 *
 * The list holds only what is unfinished; what is finished between two of them is one run, because offsets that nobody
 * delivered (gaps, markers) count as finished with their neighbours. `start` and `finish` are O(1), `progress` is
 * O(unfinished). `position` is the lowest unfinished offset, or where the next fetch begins when there is none: never
 * "last + 1", for a log whose last offsets are markers would not be caught up for ever.
 */
export class OffsetTracker {
  /** Stands before the first unfinished one; its run is part of `position`. */
  readonly #head: UnfinishedOffset
  #tail: UnfinishedOffset
  #fetched: number
  #unfinished = 0
  /** What an earlier owner finished and this one has not come by yet; part of every progress until then. */
  readonly #before: readonly Run[]
  #nextBefore = 0

  /** `before`: the runs above `position` that were finished when this owner took over. */
  constructor(position: number, before: readonly Run[] = []) {
    this.#head = node(-1)
    this.#tail = this.#head
    this.#fetched = position
    this.#before = before
  }

  get position(): number {
    return this.#head.next === undefined ? this.#fetched : this.#head.next.offset
  }
  get unfinished(): number {
    return this.#unfinished
  }
  /** Where the next fetch begins. */
  get fetched(): number {
    return this.#fetched
  }

  /** A record was taken; offsets rise. */
  start(offset: number): UnfinishedOffset {
    invariant(offset >= this.#fetched, `offset ${offset} was taken after ${this.#fetched}`)
    const started = node(offset)
    started.previous = this.#tail
    this.#tail.next = started
    this.#tail = started
    this.#unfinished++
    this.#fetched = offset + 1
    return started
  }

  /** An earlier owner finished it: skip it. For rising offsets. */
  wasFinished(offset: number): boolean {
    while (this.#nextBefore < this.#before.length && this.#before[this.#nextBefore]![1] < offset) this.#nextBefore++
    return this.#nextBefore < this.#before.length && this.#before[this.#nextBefore]![0] <= offset
  }

  /** As `wasFinished`, for any offset that is yet to come. */
  isFinishedAhead(offset: number): boolean {
    return this.#before.some(([first, last]) => first <= offset && offset <= last)
  }

  /** A record that needs no work: finished by an earlier owner, or not wanted. */
  skip(offset: number): void {
    if (this.#tail !== this.#head) extend(this.#tail, offset, offset)
    this.#fetched = offset + 1
  }

  /** Everything below `position` was taken, gaps and markers too. */
  passTo(position: number): void {
    if (position > this.#fetched) this.#fetched = position
  }

  finish(entry: UnfinishedOffset): void {
    invariant(!entry.finished, `offset ${entry.offset} was finished twice`)
    entry.finished = true
    const previous = entry.previous!
    previous.next = entry.next
    if (entry.next === undefined) this.#tail = previous
    else entry.next.previous = previous
    this.#unfinished--
    if (previous === this.#head) return
    extend(previous, entry.offset, entry.runLast < 0 ? entry.offset : entry.runLast)
  }

  /** As it stands; with `finishing`, as it will stand when those are finished too. */
  progress(finishing: ReadonlySet<UnfinishedOffset> = none): Progress {
    let at = this.#head.next
    while (at !== undefined && finishing.has(at)) at = at.next
    const position = at === undefined ? this.#fetched : at.offset
    const finished: [number, number][] = []
    // A finished one and the run behind it join what is finished right before it, if there is anything.
    let isBehindUnfinished = true
    for (; at !== undefined; at = at.next) {
      const isFinishing = finishing.has(at)
      const first = isFinishing ? at.offset : at.runFirst
      const last = isFinishing && at.runLast < 0 ? at.offset : at.runLast
      if (isFinishing && !isBehindUnfinished) finished.at(-1)![1] = last
      else if (first >= 0) finished.push([first, last])
      isBehindUnfinished = !isFinishing && at.runFirst < 0
    }
    // Without these, a commit before they are reached would lose them, and a crash after it would repeat their work.
    for (const [first, last] of this.#before.slice(this.#nextBefore)) {
      if (last < this.#fetched) continue
      const latest = finished.at(-1)
      if (latest !== undefined && first <= latest[1] + 1) latest[1] = last
      else finished.push([Math.max(first, this.#fetched), last])
    }
    return { position, finished }
  }
}

const none: ReadonlySet<UnfinishedOffset> = new Set()

function node(offset: number): UnfinishedOffset {
  return { offset, previous: undefined, next: undefined, runFirst: -1, runLast: -1, finished: false }
}
function extend(entry: UnfinishedOffset, first: number, last: number): void {
  if (entry.runFirst < 0) entry.runFirst = first
  entry.runLast = last
}
