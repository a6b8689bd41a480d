import type { TopicPartition } from '../../log.ts'

/** What a member asked for and has. */
export interface Claim {
  readonly topics: ReadonlySet<string>
  readonly owned: readonly TopicPartition[]
}

/**
 * Who gets which partition: co-partitioned, balanced, and moving as little as it can (KIP-54's aim, by direct moves only).
 *
 * Members get partition *numbers*: of all topics that the same members asked for, partition n goes to one of them, so that
 * what belongs together by key (a topic, its redrives, a topic that is joined with it) is handled in one place. What is
 * owned stays; what is not goes to the member with the fewest partitions; then numbers move from a member to one that has
 * fewer by more than what moves, until there is no such pair. With unlike topics a better balance may exist that takes a
 * chain of moves.
 *
 * Returns for each claim, in its order, the partitions that it shall have.
 */
export function assignPartitions(
  claims: readonly Claim[],
  partitions: readonly TopicPartition[],
): readonly (readonly TopicPartition[])[] {
  const shares = claims.map((claim) => new Share(claim))
  const unowned = bundlesOf(claims, partitions).filter((bundle) => !keepWithOwner(shares, bundle))
  for (const bundle of unowned) lightest(shares, bundle)?.add(bundle)
  while (moveOne(shares)) {
    // Each move lowers the sum of the squared loads: it ends.
  }
  return shares.map((share) => share.bundles.flatMap((bundle) => bundle.partitions))
}

/** The partitions of one number, of topics that the same members asked for: they go together. */
interface Bundle {
  /** Which members: their indexes. Bundles of the same members are alike. */
  readonly members: string
  readonly partitions: TopicPartition[]
}

function bundlesOf(claims: readonly Claim[], partitions: readonly TopicPartition[]): readonly Bundle[] {
  const askers = new Map<string, string>()
  const bundles = new Map<string, Bundle>()
  for (const partition of partitions) {
    const { topic } = partition
    let members = askers.get(topic)
    if (members === undefined) {
      members = claims.flatMap(({ topics }, index) => (topics.has(topic) ? [index] : [])).join()
      askers.set(topic, members)
    }
    if (members === '') continue
    const key = `${members}/${partition.partition}`
    const bundle = bundles.get(key)
    if (bundle === undefined) bundles.set(key, { members, partitions: [partition] })
    else bundle.partitions.push(partition)
  }
  return [...bundles.values()]
}

/** It stays with who has most of it; false where nobody has any. */
function keepWithOwner(shares: readonly Share[], bundle: Bundle): boolean {
  let owner: Share | undefined
  let most = 0
  for (const share of shares) {
    const owned = share.accepts(bundle) ? share.countOwned(bundle) : 0
    if (owned > most) {
      owner = share
      most = owned
    }
  }
  owner?.add(bundle)
  return owner !== undefined
}

/** Moves one number to where the balance gains most; false when there is nothing to gain. */
function moveOne(shares: readonly Share[]): boolean {
  const heaviestFirst = [...shares].sort((one, other) => other.load - one.load)
  for (const giver of heaviestFirst) {
    let best: { readonly taker: Share; readonly bundle: Bundle; readonly gain: number } | undefined
    for (const bundle of giver.movable) {
      const taker = lightest(shares, bundle)
      const weight = bundle.partitions.length
      if (taker === undefined || taker.load + weight >= giver.load) continue
      // How much the sum of the squared loads falls; then how unevenly bundles of this kind are spread.
      const gain = 2 * weight * (giver.load - taker.load - weight)
      if (best !== undefined && gain <= best.gain) {
        const spread = giver.countAlike(bundle) - taker.countAlike(bundle)
        const bestSpread = giver.countAlike(best.bundle) - best.taker.countAlike(best.bundle)
        if (gain < best.gain || spread <= bestSpread) continue
      }
      best = { taker, bundle, gain }
    }
    if (best !== undefined) {
      giver.remove(best.bundle)
      best.taker.add(best.bundle)
      return true
    }
  }
  return false
}

/** Of those that asked for it: the fewest partitions, then the fewest bundles alike, then who came first. */
function lightest(shares: readonly Share[], bundle: Bundle): Share | undefined {
  let found: Share | undefined
  for (const share of shares) {
    if (!share.accepts(bundle)) continue
    const fewer = found === undefined || share.load < found.load
    if (fewer || (share.load === found!.load && share.countAlike(bundle) < found!.countAlike(bundle))) found = share
  }
  return found
}

class Share {
  readonly #claim: Claim
  readonly #owned: ReadonlySet<string>
  readonly #alike = new Map<string, Bundle[]>()
  load = 0

  constructor(claim: Claim) {
    this.#claim = claim
    this.#owned = new Set(claim.owned.map(keyOf))
  }

  get bundles(): readonly Bundle[] {
    return [...this.#alike.values()].flat()
  }
  /** Of each kind and weight the last one. */
  get movable(): Iterable<Bundle> {
    const last = new Map<string, Bundle>()
    for (const bundle of this.bundles) last.set(`${bundle.members}/${bundle.partitions.length}`, bundle)
    return last.values()
  }
  accepts({ partitions }: Bundle): boolean {
    return this.#claim.topics.has(partitions[0]!.topic)
  }
  countOwned({ partitions }: Bundle): number {
    return partitions.filter((partition) => this.#owned.has(keyOf(partition))).length
  }
  countAlike({ members }: Bundle): number {
    return this.#alike.get(members)?.length ?? 0
  }
  add(bundle: Bundle): void {
    const alike = this.#alike.get(bundle.members)
    if (alike === undefined) this.#alike.set(bundle.members, [bundle])
    else alike.push(bundle)
    this.load += bundle.partitions.length
  }
  remove(bundle: Bundle): void {
    const rest = this.#alike.get(bundle.members)!.filter((each) => each !== bundle)
    this.#alike.set(bundle.members, rest)
    this.load -= bundle.partitions.length
  }
}

/** For maps: topic names have no slash. */
export function keyOf({ topic, partition }: TopicPartition): string {
  return `${topic}/${partition}`
}
