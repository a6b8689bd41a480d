import { hostname } from 'node:os'
import type { NewId } from '../../../core/ids.ts'
import { isName, nameRule } from '../../../core/names.ts'
import type { MemberDescription } from '../../admin.ts'
import { FencedError, InvalidNameError, LogClosedError } from '../../errors.ts'
import type { GroupCommit, GroupOptions, Lease, Member, TopicPartition } from '../../log.ts'
import type { TopicTable } from '../topics.ts'
import { assignPartitions, keyOf } from './assignor.ts'
import { GroupMember, type MemberGroup } from './group-member.ts'
import type { Groups } from './groups.ts'

/** Epochs of one opening of the log lie above those of the openings before. */
const epochsOfOpening = 2 ** 32

/** The groups of a log in memory, of which nobody else knows: with the process all memberships end. */
export class GroupCoordinator implements Groups {
  readonly #topics: TopicTable
  readonly #ids: NewId
  readonly #location: string
  readonly #groups = new Map<string, Group>()
  #epoch: number
  #closed = false

  constructor(options: {
    readonly topics: TopicTable
    readonly ids: NewId
    readonly location: string
    readonly openings: number
  }) {
    this.#topics = options.topics
    this.#ids = options.ids
    this.#location = options.location
    this.#epoch = options.openings * epochsOfOpening
  }

  async join(options: GroupOptions): Promise<Member> {
    if (this.#closed) throw new LogClosedError(this.#location)
    const { group: name, topics } = options
    if (!isName(name)) throw new InvalidNameError('group', name, nameRule)
    for (const topic of topics) this.#topics.topic(topic)
    const group = this.#groups.get(name) ?? this.#create(name)
    const member = new GroupMember(this.#ids(), group, options)
    group.add(member)
    await member.joined
    return member
  }

  checkFence({ group, member, offsets }: GroupCommit): void {
    if (member === undefined) return
    // Looked up: a member of another log may hold a lease of the same name and number.
    const known = this.#groups.get(group)?.members.find((each) => each === member)
    for (const offset of offsets) {
      if (known === undefined || !known.holds(offset, offset.epoch)) throw new FencedError(group, offset)
    }
  }

  describe(): ReadonlyMap<string, readonly MemberDescription[]> {
    const process = describeThisProcess()
    return new Map(
      [...this.#groups].map(([name, { members }]) => [
        name,
        members.map(({ id, topics, leases }) => ({
          id,
          process,
          topics: [...topics],
          partitions: leases.map(({ topic, partition }) => ({ topic, partition })),
        })),
      ]),
    )
  }

  async close(): Promise<void> {
    this.#closed = true
    await Promise.all([...this.#groups.values()].flatMap((group) => group.members.map((member) => member.leave())))
  }

  fail(error: Error): void {
    this.#closed = true
    for (const group of this.#groups.values()) for (const member of group.members) member.fail(error)
  }

  #create(name: string): Group {
    const group = new Group(name, {
      partitions: (topic) => this.#topics.find(topic)?.partitions ?? [],
      nextEpoch: () => ++this.#epoch,
      emptied: () => this.#groups.delete(name),
      closedError: () => new LogClosedError(this.#location),
    })
    this.#groups.set(name, group)
    return group
  }
}

function describeThisProcess(): string {
  return `process ${process.pid} on ${hostname()}`
}

interface GroupContext {
  partitions(topic: string): readonly TopicPartition[]
  nextEpoch(): number
  emptied(): void
  closedError(): Error
}

/**
 * One group and its rebalances, one at a time.
 *
 * States: *stable* → *rebalancing*: what members lose is revoked, and awaited, while their leases still hold; then those
 * leases end; then the gainers get theirs, under new epochs. Whoever joins, leaves or fails meanwhile makes it go round
 * once more. A partition that a round could not place, because its member ended during it, is placed by the next one.
 */
class Group implements MemberGroup {
  readonly name: string
  readonly #context: GroupContext
  #members: GroupMember[] = []
  #dirty = false
  #running = false

  constructor(name: string, context: GroupContext) {
    this.name = name
    this.#context = context
  }

  get members(): readonly GroupMember[] {
    return this.#members
  }

  add(member: GroupMember): void {
    this.#members.push(member)
    this.changed()
  }

  changed(): void {
    this.#dirty = true
    if (this.#running) return
    this.#running = true
    // Those who join in one turn share the first round.
    queueMicrotask(() => void this.#run())
  }

  /** Never rejects: what listeners throw ends their member. */
  async #run(): Promise<void> {
    while (this.#dirty) {
      this.#dirty = false
      await this.#rebalance()
    }
    this.#running = false
    if (this.#members.length === 0) this.#context.emptied()
  }

  async #rebalance(): Promise<void> {
    // A copy: whoever joins meanwhile has no target, and is for the next round.
    const members = [...this.#members]
    const targets = this.#targets(members)
    await Promise.all(
      members.map((member) => {
        const kept = targets.get(member)
        return member.revoke(member.leases.filter((lease) => kept?.has(keyOf(lease)) !== true))
      }),
    )
    // Who was leaving when this round began has nothing left; who began to leave since keeps its leases for one more.
    for (const member of members) if (!targets.has(member)) member.end(this.#context.closedError())
    this.#members = this.#members.filter((member) => !member.ended)
    await Promise.all(this.#members.filter((member) => member.active).map((member) => this.#grant(member, targets)))
    this.#members = this.#members.filter((member) => !member.ended)
  }

  /** For each active member, by key, what it shall have. */
  #targets(members: readonly GroupMember[]): Map<GroupMember, ReadonlyMap<string, TopicPartition>> {
    const active = members.filter((member) => member.active)
    const topics = new Set(active.flatMap((member) => [...member.topics]))
    const partitions = [...topics].flatMap((topic) => this.#context.partitions(topic))
    const claims = active.map((member) => ({ topics: member.topics, owned: member.leases }))
    const shares = assignPartitions(claims, partitions)
    return new Map(
      active.map((member, index) => {
        return [member, new Map(shares[index]!.map((partition) => [keyOf(partition), partition]))]
      }),
    )
  }

  #grant(member: GroupMember, targets: ReadonlyMap<GroupMember, ReadonlyMap<string, TopicPartition>>): Promise<void> {
    const target = targets.get(member)
    // Joined during this round: the next one is its first.
    if (target === undefined) return Promise.resolve()
    const held = new Set(member.leases.map(keyOf))
    const leases: Lease[] = []
    for (const [key, { topic, partition }] of target) {
      if (!held.has(key)) leases.push({ topic, partition, epoch: this.#context.nextEpoch() })
    }
    return member.assign(leases)
  }
}
