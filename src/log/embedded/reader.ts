import { setImmediate } from 'node:timers'
import { invariant } from '../../core/errors.ts'
import { LogClosedError, NotAssignedError } from '../errors.ts'
import type { Fetched, Reader, TopicPartition } from '../log.ts'
import type { RecordBatch } from '../records/record-batch.ts'
import type { BatchStore } from './batch-store.ts'
import type { PartitionListener, PartitionState } from './partition-state.ts'
import { whenFree } from './sharing/when-free.ts'
import type { TopicTable } from './topics.ts'

const defaultMaxBytes = 1024 * 1024
/** Of all partitions in one poll: bounds the memory and the time that a poll takes from the event loop. */
const pollBytesLimit = 4 * 1024 * 1024
/** A loop of polls that never wait gives the event loop a turn this often. */
const turnMs = 5

/** What a reader needs of its log. */
export interface ReaderContext {
  readonly location: string
  readonly topics: TopicTable
  readonly batches: BatchStore
  /** Looks for what other processes write, until the returned function is called. */
  watch(): () => void
  /** Throws when the log is closed or failed. */
  checkOpen(): void
  closed(reader: EmbeddedReader): void
}

interface Assignment {
  readonly state: PartitionState
  position: number
  paused: boolean
}

/**
 * Reads at its caller's pace, straight from the tail's memory or the file: nothing is fetched ahead, so that seek, pause
 * and unassign have nothing to drop.
 *
 * States of a poll: *none* → *waiting* (nothing to deliver; woken by a commit that became durable, by `assign`, `seek`,
 * `resume`, by `wake` and `close`, and by the log's failure) → none. *closed* is for good.
 */
export class EmbeddedReader implements Reader, PartitionListener {
  readonly #context: ReaderContext
  readonly #assignments = new Map<PartitionState, Assignment>()
  /** Who is first in the next poll: each partition in turn. */
  #turn: Assignment[] = []
  #polling = false
  #waiting: (() => void) | undefined
  #woken = false
  /** Since the fetch of the poll that is under way began. */
  #hasAdvanced = false
  #closed = false
  #lastTurnMs = performance.now()

  constructor(context: ReaderContext) {
    this.#context = context
  }

  assign(partition: TopicPartition, position: number): void {
    this.#checkOpen()
    const state = this.#context.topics.partition(partition)
    invariant(isPosition(position), `${partition.topic}/${partition.partition} was assigned at position ${position}`)
    const known = this.#assignments.get(state)
    if (known === undefined) {
      const assignment = { state, position: Math.max(position, state.start), paused: false }
      this.#assignments.set(state, assignment)
      this.#turn.push(assignment)
      state.listeners.add(this)
    } else {
      known.position = Math.max(position, state.start)
    }
    this.advanced()
  }

  unassign(partition: TopicPartition): void {
    const known = this.#find(partition)
    if (known === undefined) return
    this.#assignments.delete(known.state)
    this.#turn = this.#turn.filter((assignment) => assignment !== known)
    known.state.listeners.delete(this)
  }

  seek(partition: TopicPartition, position: number): void {
    this.#checkOpen()
    const assignment = this.#assigned(partition)
    invariant(isPosition(position), `${partition.topic}/${partition.partition} was sought to position ${position}`)
    assignment.position = Math.max(position, assignment.state.start)
    this.advanced()
  }

  pause(partition: TopicPartition): void {
    this.#checkOpen()
    const assignment = this.#find(partition)
    if (assignment !== undefined) assignment.paused = true
  }

  resume(partition: TopicPartition): void {
    this.#checkOpen()
    const assignment = this.#find(partition)
    if (assignment !== undefined) assignment.paused = false
    this.advanced()
  }

  position(partition: TopicPartition): number {
    this.#checkOpen()
    return this.#assigned(partition).position
  }

  async poll(options: { readonly maxBytes?: number } = {}): Promise<readonly Fetched[]> {
    this.#checkOpen()
    invariant(!this.#polling, 'Two polls of one reader ran at once')
    this.#polling = true
    this.#woken = false
    try {
      await this.#giveTurn()
      while (!this.#closed && !this.#woken) {
        this.#context.checkOpen()
        const maxBytes = options.maxBytes ?? defaultMaxBytes
        this.#hasAdvanced = false
        // SQLite's index is locked for a moment when a process that wrote to it died: then it is read again.
        const fetched = await whenFree(
          () => this.#fetch(maxBytes),
          () => this.#closed,
        )
        if (fetched.length > 0) return fetched
        // While the fetch was awaited nobody was told: a wake, or a record that came then, would be slept through.
        if (this.#hasAdvanced) continue
        const unwatch = this.#context.watch()
        await new Promise<void>((resolve) => {
          this.#waiting = resolve
        })
        unwatch()
        this.#lastTurnMs = performance.now()
      }
      return []
    } finally {
      this.#polling = false
    }
  }

  wake(): void {
    this.#woken = true
    this.advanced()
  }

  close(): Promise<void> {
    if (this.#closed) return Promise.resolve()
    this.#closed = true
    for (const { state } of this.#assignments.values()) state.listeners.delete(this)
    this.#assignments.clear()
    this.#turn = []
    this.advanced()
    this.#context.closed(this)
    return Promise.resolve()
  }

  /** Something may have changed for a poll that waits. */
  advanced(): void {
    this.#hasAdvanced = true
    const waiting = this.#waiting
    this.#waiting = undefined
    waiting?.()
  }

  #fetch(maxBytes: number): readonly Fetched[] {
    const fetched: { readonly assignment: Assignment; readonly result: Fetched }[] = []
    let left = pollBytesLimit
    let looked = 0
    for (const assignment of this.#turn) {
      looked++
      if (assignment.paused || assignment.position >= assignment.state.durableEnd) continue
      const result = this.#fetchPartition(assignment, Math.min(maxBytes, left))
      fetched.push({ assignment, result })
      for (const batch of result.batches) left -= batch.sizeInBytes
      if (left <= 0) break
    }
    // All were read before any moves: a damaged batch throws, and what came before it is still to be delivered.
    for (const { assignment, result } of fetched) assignment.position = result.position
    // Who was not reached is first the next time; when all were, another begins.
    const next = looked === this.#turn.length ? 1 : looked
    this.#turn = [...this.#turn.slice(next), ...this.#turn.slice(0, next)]
    return fetched.map(({ result }) => result)
  }

  #fetchPartition(assignment: Assignment, maxBytes: number): Fetched {
    const { state } = assignment
    const { topic, partition, tail } = state
    // What was to be read next may have been deleted.
    const position = Math.max(assignment.position, state.start)
    const batches: readonly RecordBatch[] =
      position >= tail.start ? tail.read(position, maxBytes) : this.#context.batches.read(state, position, maxBytes)
    // With no batch up to the end the offsets there are gaps: nobody's.
    const next = batches.at(-1)?.nextOffset ?? state.durableEnd
    return { topic, partition, from: position, batches, position: next }
  }

  /** Reading that never waits would otherwise keep timers and sockets from their turn. */
  async #giveTurn(): Promise<void> {
    if (performance.now() - this.#lastTurnMs < turnMs) return
    await new Promise((resolve) => setImmediate(resolve))
    this.#lastTurnMs = performance.now()
  }

  #find(partition: TopicPartition): Assignment | undefined {
    const state = this.#context.topics.find(partition.topic)?.partitions[partition.partition]
    return state === undefined ? undefined : this.#assignments.get(state)
  }

  #assigned(partition: TopicPartition): Assignment {
    const assignment = this.#find(partition)
    if (assignment === undefined) throw new NotAssignedError(partition)
    return assignment
  }

  #checkOpen(): void {
    this.#context.checkOpen()
    if (this.#closed) throw new LogClosedError(this.#context.location)
  }
}

function isPosition(position: number): boolean {
  return Number.isSafeInteger(position) && position >= 0
}
