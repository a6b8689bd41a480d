import type { TopicPartition } from '../log.ts'

/** What a member asked for and has. */
export interface Claim {
  readonly topics: ReadonlySet<string>
  readonly owned: readonly TopicPartition[]
}

/**
 * Who gets which partition: balanced, and moving as little as it can (KIP-54's aim, by direct moves only).
 *
 * Each partition goes to a member that asked for its topic. What is owned stays; what is not goes to the member with the
 * fewest; then partitions move from a member to one that has at least two fewer, until there is no such pair. Members
 * with the same topics so differ by one at most, and only the surplus moves. With unlike topics a better balance may
 * exist that takes a chain of moves.
 *
 * Returns for each claim, in its order, the partitions that it shall have.
 */
export function assignPartitions(
  claims: readonly Claim[],
  partitions: readonly TopicPartition[],
): readonly (readonly TopicPartition[])[] {
  const shares = claims.map((claim) => new Share(claim))
  const unowned = partitions.filter((partition) => !shares.some((share) => share.keep(partition)))
  for (const partition of unowned) {
    const share = lightest(shares, partition)
    share?.add(partition)
  }
  while (moveOne(shares)) {
    // Each move lowers the sum of the squared loads: it ends.
  }
  return shares.map((share) => share.partitions)
}

/** Moves one partition to where the balance gains most; false when there is nothing to gain. */
function moveOne(shares: readonly Share[]): boolean {
  const heaviestFirst = [...shares].sort((one, other) => other.load - one.load)
  for (const giver of heaviestFirst) {
    let best: { readonly taker: Share; readonly partition: TopicPartition } | undefined
    for (const topic of giver.topics) {
      const taker = lightest(shares, { topic, partition: 0 })
      if (taker === undefined || taker.load + 2 > giver.load) continue
      const gain = giver.countOf(topic) - taker.countOf(topic)
      if (best !== undefined) {
        const bestTopic = best.partition.topic
        const bestGain = giver.countOf(bestTopic) - best.taker.countOf(bestTopic)
        if (taker.load > best.taker.load || (taker.load === best.taker.load && gain <= bestGain)) continue
      }
      best = { taker, partition: giver.lastOf(topic) }
    }
    if (best !== undefined) {
      giver.remove(best.partition)
      best.taker.add(best.partition)
      return true
    }
  }
  return false
}

/** Of those that asked for the topic: the fewest partitions, then the fewest of this topic, then who came first. */
function lightest(shares: readonly Share[], { topic }: TopicPartition): Share | undefined {
  let found: Share | undefined
  for (const share of shares) {
    if (!share.accepts(topic)) continue
    if (
      found === undefined ||
      share.load < found.load ||
      (share.load === found.load && share.countOf(topic) < found.countOf(topic))
    ) {
      found = share
    }
  }
  return found
}

class Share {
  readonly #claim: Claim
  readonly #owned: ReadonlySet<string>
  readonly #byTopic = new Map<string, TopicPartition[]>()
  load = 0

  constructor(claim: Claim) {
    this.#claim = claim
    this.#owned = new Set(claim.owned.map(keyOf))
  }

  get partitions(): readonly TopicPartition[] {
    return [...this.#byTopic.values()].flat()
  }
  /** Of which it has at least one partition. */
  get topics(): readonly string[] {
    return [...this.#byTopic.keys()].filter((topic) => this.countOf(topic) > 0)
  }
  accepts(topic: string): boolean {
    return this.#claim.topics.has(topic)
  }
  /** Keeps what it owned and still asks for. */
  keep(partition: TopicPartition): boolean {
    if (!this.accepts(partition.topic) || !this.#owned.has(keyOf(partition))) return false
    this.add(partition)
    return true
  }
  countOf(topic: string): number {
    return this.#byTopic.get(topic)?.length ?? 0
  }
  lastOf(topic: string): TopicPartition {
    return this.#byTopic.get(topic)!.at(-1)!
  }
  add(partition: TopicPartition): void {
    const { topic } = partition
    const partitions = this.#byTopic.get(topic)
    if (partitions === undefined) this.#byTopic.set(topic, [partition])
    else partitions.push(partition)
    this.load++
  }
  remove(partition: TopicPartition): void {
    const rest = this.#byTopic.get(partition.topic)!.filter((each) => each !== partition)
    this.#byTopic.set(partition.topic, rest)
    this.load--
  }
}

/** For maps: topic names have no slash. */
export function keyOf({ topic, partition }: TopicPartition): string {
  return `${topic}/${partition}`
}
