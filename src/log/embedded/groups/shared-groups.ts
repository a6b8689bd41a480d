import { toError } from '../../../core/errors.ts'
import type { NewId } from '../../../core/ids.ts'
import { isName, nameRule } from '../../../core/names.ts'
import type { MemberDescription } from '../../admin.ts'
import { FencedError, InvalidNameError, LogClosedError } from '../../errors.ts'
import type { GroupCommit, GroupOptions, Lease, Member } from '../../log.ts'
import { LogFullError } from '../errors.ts'
import type { TopicTable } from '../topics.ts'
import { GroupMember } from './group-member.ts'
import type { GroupTables, LeaseRow } from './group-tables.ts'
import type { Groups } from './groups.ts'

/** What ended on a full disk is taken out of the file when there is room again. */
const retryRemovalMs = 1_000

/** What the groups need of their log. */
export interface SharedGroupsContext {
  readonly tables: GroupTables
  readonly topics: TopicTable
  readonly ids: NewId
  readonly location: string
  /** This process's number, registered anew where somebody has removed it. Inside a transaction. */
  process(): number
  isThisProcess(process: number): boolean
  /**
   * Runs `work` in a transaction, waiting for the lock; `committed` runs in the same turn as the commit. Rejects with
   * the log's errors, and with `LogBusyError` only when the log is being closed.
   */
  exclusive<T>(work: () => T, committed?: (result: T) => void): Promise<T>
  /** Reads, waiting for locks. */
  read<T>(work: () => T): Promise<T>
  /** Resolves when all that was written before the call is on disk. */
  durable(): Promise<void>
  /** Keeps looking for what other processes write, until the returned function is called. */
  watch(): () => void
}

/** A member of this process, with where it stands. */
interface Membership {
  readonly member: GroupMember
  /** In the file; undefined before it joined, and after others took it for dead. */
  number: number | undefined
  isLeaving: boolean
  /** Leases that `assigned` told of. */
  readonly told: Set<Lease>
  /** Told leases that somebody else has now. */
  lost: Lease[]
  isDirty: boolean
  isRunning: boolean
  readonly unwatch: () => void
}

/**
 * The groups of a file that several processes share, as far as this process has members in them. Who has what stands in
 * the file; here is what the members were told of it, and each commit is checked against that.
 *
 * It is never behind the file inside a transaction: `changed` is called when one begins after others have written, and
 * takes away what they took. So a process that was stopped, and expired meanwhile, commits nothing more under its old
 * leases. Its members are told that they lost them, and join anew.
 *
 * Each member goes its own way, one step at a time: release what is wanted elsewhere, then take what is free.
 */
export class SharedGroups implements Groups {
  readonly #context: SharedGroupsContext
  readonly #memberships = new Set<Membership>()
  #closed = false

  constructor(context: SharedGroupsContext) {
    this.#context = context
  }

  get hasMembers(): boolean {
    return this.#memberships.size > 0
  }

  async join(options: GroupOptions): Promise<Member> {
    const { topics, ids, location } = this.#context
    if (this.#closed) throw new LogClosedError(location)
    const { group } = options
    if (!isName(group)) throw new InvalidNameError('group', group, nameRule)
    for (const topic of options.topics) topics.topic(topic)
    const membership: Membership = {
      member: new GroupMember(ids(), { name: group, changed: () => this.#touch(membership) }, options),
      number: undefined,
      isLeaving: false,
      told: new Set(),
      lost: [],
      isDirty: false,
      isRunning: false,
      unwatch: this.#context.watch(),
    }
    this.#memberships.add(membership)
    this.#touch(membership)
    await membership.member.joined
    return membership.member
  }

  checkFence({ group, member, offsets }: GroupCommit): void {
    if (member === undefined) return
    // Looked up: a member of another log may hold a lease of the same name and number.
    const known = [...this.#memberships].find((each) => each.member === member)?.member
    for (const offset of offsets) {
      if (known === undefined || !known.holds(offset, offset.epoch)) throw new FencedError(group, offset)
    }
  }

  describe(): ReadonlyMap<string, readonly MemberDescription[]> {
    return this.#context.tables.describe()
  }

  async close(): Promise<void> {
    this.#closed = true
    await Promise.all([...this.#memberships].map(({ member }) => member.leave()))
  }

  fail(error: Error): void {
    this.#closed = true
    for (const { member } of this.#memberships) member.fail(error)
  }

  /** Others changed members or leases. Only reads: it may be inside a transaction. */
  changed(): void {
    for (const membership of this.#memberships) {
      this.#takeAwayLost(membership)
      this.#touch(membership)
    }
  }

  /** Members of this process may have something to take. */
  look(): void {
    for (const membership of this.#memberships) this.#touch(membership)
  }

  #takeAwayLost(membership: Membership): void {
    const { member, number, told, lost } = membership
    if (number === undefined || member.leases.length === 0) return
    const held = this.#context.tables.heldBy(member.group, number)
    const gone = member.leases.filter((lease) => held.get(this.#numberOf(lease)) !== lease.epoch)
    if (gone.length === 0) return
    member.drop(gone)
    lost.push(...gone.filter((lease) => told.delete(lease)))
  }

  #touch(membership: Membership): void {
    membership.isDirty = true
    if (membership.isRunning) return
    membership.isRunning = true
    queueMicrotask(() => void this.#run(membership))
  }

  /** Never rejects: what fails ends the member. */
  async #run(membership: Membership): Promise<void> {
    while (membership.isDirty) {
      membership.isDirty = false
      try {
        await this.#step(membership)
      } catch (error) {
        membership.member.fail(toError(error))
      }
    }
    membership.isRunning = false
  }

  async #step(membership: Membership): Promise<void> {
    const { member } = membership
    const lost = membership.lost.splice(0)
    if (lost.length > 0) member.tellLost(lost)
    if (member.ended) return await this.#remove(membership)
    const { tables, read, exclusive } = this.#context
    const { number } = membership
    if (number === undefined || !(await read(() => tables.isMember(number)))) return await this.#enter(membership)
    if (!member.active && !membership.isLeaving) {
      await exclusive(() => tables.leave(member.group, number))
      membership.isLeaving = true
    }
    const rows = await read(() => tables.leasesOf(member.group, number))
    const surplus = rows.filter(({ owner, wanted }) => owner === number && wanted !== number)
    if (surplus.length > 0) return await this.#release(membership, surplus)
    if (!member.active) {
      await this.#remove(membership)
      return member.end(new LogClosedError(this.#context.location))
    }
    await this.#take(membership, rows)
  }

  /** Joins, for the first time or after it was expired. */
  async #enter(membership: Membership): Promise<void> {
    const { member } = membership
    if (!member.active) {
      this.#forget(membership)
      return member.end(new LogClosedError(this.#context.location))
    }
    const { tables, process, exclusive } = this.#context
    const { id, group, topics } = member
    await exclusive(
      () => tables.join({ id, group, topics, process: process() }),
      (number) => {
        membership.number = number
      },
    )
    this.#touchGroup(group)
  }

  async #release(membership: Membership, surplus: readonly LeaseRow[]): Promise<void> {
    const { member, told } = membership
    const epochs = new Map(surplus.map(({ number, epoch }) => [number, epoch]))
    const leases = member.leases.filter((lease) => epochs.get(this.#numberOf(lease)) === lease.epoch)
    await member.revoke(inOrder(member, leases))
    for (const lease of leases) told.delete(lease)
    // What was lost meanwhile is another one's, under another epoch, and passed over.
    const { number } = membership
    if (number !== undefined) {
      await this.#context.exclusive(() => this.#context.tables.release(member.group, number, surplus))
    }
    this.#touchGroup(member.group)
  }

  async #take(membership: Membership, rows: readonly LeaseRow[]): Promise<void> {
    const { member, number, told } = membership
    const { tables, exclusive, durable } = this.#context
    const due = rows.filter(({ owner, wanted }) => wanted === number && owner !== number)
    let leases: readonly Lease[] = []
    if (due.some(({ owner }) => owner === null)) {
      const take = () => tables.take(member.group, number!)
      await exclusive(take, (taken) => {
        leases = taken.map(({ topic, partition, epoch }) => ({ topic, partition, epoch }))
        member.hold(leases)
      })
      // What its predecessor committed, and the tenure itself, outlive a power cut before anybody acts on them.
      await durable()
      leases = inOrder(
        member,
        leases.filter((lease) => member.leases.includes(lease)),
      )
    } else if (due.some(({ ownerProcess }) => ownerProcess !== null && this.#context.isThisProcess(ownerProcess))) {
      // Another member of this process revokes it now: `join` waits for that, as for nobody else.
      return
    }
    for (const lease of leases) told.add(lease)
    await member.assign(leases)
  }

  /** Takes an ended member, or one that has nothing left, out of the file. */
  async #remove(membership: Membership): Promise<void> {
    const { member, number } = membership
    if (!this.#memberships.has(membership)) return
    try {
      if (number !== undefined) {
        await this.#context.exclusive(() => this.#context.tables.remove(member.group, number))
      }
    } catch (error) {
      if (!(error instanceof LogFullError)) this.#forget(membership)
      else setTimeout(() => this.#touch(membership), retryRemovalMs).unref()
      throw error
    }
    this.#forget(membership)
    this.#touchGroup(member.group)
  }

  #forget(membership: Membership): void {
    if (this.#memberships.delete(membership)) membership.unwatch()
  }

  #touchGroup(group: string): void {
    for (const membership of this.#memberships) if (membership.member.group === group) this.#touch(membership)
  }

  #numberOf(lease: Lease): number {
    return this.#context.topics.partition(lease).number
  }
}

/** Topics in the order in which the member asked for them: what a later one needs of an earlier one is there. */
function inOrder(member: GroupMember, leases: readonly Lease[]): readonly Lease[] {
  const ranks = new Map([...member.topics].map((topic, rank) => [topic, rank]))
  return leases.toSorted(
    (one, other) => ranks.get(one.topic)! - ranks.get(other.topic)! || one.partition - other.partition,
  )
}
