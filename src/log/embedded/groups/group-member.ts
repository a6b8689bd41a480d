import { toError } from '../../../core/errors.ts'
import type { GroupListener, GroupOptions, Lease, Member, TopicPartition } from '../../log.ts'
import { keyOf } from './assignor.ts'

/** What a member asks of its group. */
export interface MemberGroup {
  readonly name: string
  /** The member's claims changed: the next rebalance sees it. */
  changed(): void
}

/**
 * One member of a group, as its group drives it.
 *
 * States: *joining* → *stable* (its first assignment was taken) → *leaving* (still has its leases, until the group has
 * revoked them) → *ended*. A listener that rejects, and the log's failure, lead to ended from any state.
 */
export class GroupMember implements Member {
  readonly id: string
  readonly topics: ReadonlySet<string>
  readonly #group: MemberGroup
  readonly #listener: GroupListener
  readonly #leases = new Map<string, Lease>()
  readonly #joined = Promise.withResolvers<void>()
  readonly #left = Promise.withResolvers<void>()
  #state: 'joining' | 'stable' | 'leaving' | 'ended' = 'joining'
  /** The first assignment was: somebody has this member and is told of its end by `failed`, not by `join`. */
  #taken = false

  constructor(id: string, group: MemberGroup, options: GroupOptions) {
    this.id = id
    this.#group = group
    this.topics = new Set(options.topics)
    this.#listener = options.listener
  }

  get group(): string {
    return this.#group.name
  }
  get leases(): readonly Lease[] {
    return [...this.#leases.values()]
  }
  /** Takes part in the next assignment. */
  get active(): boolean {
    return this.#state === 'joining' || this.#state === 'stable'
  }
  get ended(): boolean {
    return this.#state === 'ended'
  }
  /** Resolves when the first assignment was taken; rejects when the membership ends before that. */
  get joined(): Promise<void> {
    return this.#joined.promise
  }

  leave(): Promise<void> {
    if (this.active) {
      this.#state = 'leaving'
      this.#group.changed()
    }
    return this.#left.promise
  }

  /** Whether this is the member's tenure of the partition now. */
  holds(partition: TopicPartition, epoch: number | undefined): boolean {
    return this.#leases.get(keyOf(partition))?.epoch === epoch && epoch !== undefined
  }

  /** Takes leases, which hold from this moment; `assign` tells of them. */
  hold(leases: readonly Lease[]): void {
    for (const lease of leases) this.#leases.set(keyOf(lease), lease)
  }

  /** Takes leases, which hold from this moment, and waits for the listener. */
  async assign(leases: readonly Lease[]): Promise<void> {
    this.hold(leases)
    try {
      if (leases.length > 0) await this.#listener.assigned(leases)
    } catch (error) {
      this.fail(toError(error))
    }
    if (this.#state === 'ended') return
    if (this.#state === 'joining') this.#state = 'stable'
    this.#taken = true
    this.#joined.resolve()
  }

  /** Waits for the listener; the leases hold until it is done, so that it can commit. */
  async revoke(leases: readonly Lease[]): Promise<void> {
    if (leases.length === 0) return
    try {
      await this.#listener.revoked(leases)
    } catch (error) {
      this.fail(toError(error))
    }
    for (const lease of leases) this.#leases.delete(keyOf(lease))
  }

  /** Somebody else has these already: they hold no more. `tellLost` tells of them. */
  drop(leases: readonly Lease[]): void {
    for (const lease of leases) this.#leases.delete(keyOf(lease))
  }

  tellLost(leases: readonly Lease[]): void {
    if (this.#state === 'ended') return
    try {
      this.#listener.lost(leases)
    } catch (error) {
      this.fail(toError(error))
    }
  }

  /** The group let it go; a `join` that still waits gets the error. */
  end(error: Error): void {
    if (this.#state === 'ended') return
    this.#state = 'ended'
    this.#leases.clear()
    this.#joined.reject(error)
    this.#left.resolve()
  }

  /** Ends the membership at once: nobody waits for what it holds. */
  fail(error: Error): void {
    if (this.#state === 'ended') return
    this.end(error)
    this.#group.changed()
    if (this.#taken) this.#tellFailed(error)
  }

  /** What the listener throws is nobody's here to handle, and must not stop the group. */
  #tellFailed(error: Error): void {
    try {
      this.#listener.failed(error)
    } catch (thrown) {
      queueMicrotask(() => {
        throw thrown
      })
    }
  }
}
