/** Attempts of one kind at once. */
export interface Limit {
  readonly most: number
  running: number
  /** Heads of lanes that wait for this limit alone. */
  readonly waiting: LaneEntry[]
}
/** Whether a record may start at this moment. */
export interface Gate {
  readonly mayStart: boolean
}
/** For who has none. */
export const alwaysOpen: Gate = { mayStart: true }

/** One record in the lanes. */
export interface LaneEntry {
  /** The lanes of its partition, by key. */
  readonly lanes: Map<string, LaneEntry[]>
  /** No key: no lane. */
  readonly laneKey: string | null
  readonly limit: Limit | undefined
}

/** What decides which records run, and when. */
export interface Scheduler<Entry> {
  /** Attempts that run. */
  readonly running: number
  /** Takes one record; of one key in the order of the calls. */
  offer(entry: Entry): void
  /** The entry that ran has ended for good: the next of its key may run. */
  done(entry: Entry): void
  /** The entry that ran waits for a while: it keeps its lane and gives up its slot. */
  park(entry: Entry): void
  /** A parked entry wants to run again. */
  unpark(entry: Entry): void
  /** As `unpark`; it is the next to start, where its limit lets it. */
  unparkFirst(entry: Entry): void
  /** The gate may be open now. */
  look(): void
  /** Starts nothing until `resume`. */
  hold(): void
  resume(): void
  /** Starts nothing any more. What runs goes on, `done` and `park` still work. */
  close(): void
}

/**
 * Decides which records run: those of one key one after the other, in order; different keys, and records without a
 * key, at once, up to `concurrency` and to each entry's own limit.
 *
 * An entry is *waiting* in its lane behind others of its key, *ready* (head of its lane, needs a slot), *running*
 * (has a slot), or *parked* (between two attempts: keeps its lane, has no slot).
 *
 *     offer → waiting → ready → running → done
 *                         ↑        ↓
 *                         └─ parked┘
 */
export class Lanes<Entry extends LaneEntry> implements Scheduler<Entry> {
  readonly #concurrency: number
  readonly #run: (entry: Entry) => void
  readonly #gate: Gate
  #ready: Entry[] = []
  #nextReady = 0
  #running = 0
  #pumping = false
  #state: 'open' | 'held' | 'closed' = 'open'

  /** `run` starts an entry; it may call `done` or `park` before it returns. Nothing starts while the gate is shut. */
  constructor(concurrency: number, run: (entry: Entry) => void, gate: Gate = alwaysOpen) {
    this.#concurrency = concurrency
    this.#run = run
    this.#gate = gate
  }

  get running(): number {
    return this.#running
  }

  offer(entry: Entry): void {
    if (entry.laneKey !== null) {
      const lane = entry.lanes.get(entry.laneKey)
      if (lane !== undefined) {
        lane.push(entry)
        return
      }
      entry.lanes.set(entry.laneKey, [])
    }
    this.#makeReady(entry)
    this.#pump()
  }

  done(entry: Entry): void {
    this.#releaseSlot(entry)
    this.#leaveLane(entry)
    this.#pump()
  }

  park(entry: Entry): void {
    this.#releaseSlot(entry)
    this.#pump()
  }

  unpark(entry: Entry): void {
    this.#makeReady(entry)
    this.#pump()
  }

  unparkFirst(entry: Entry): void {
    const { limit } = entry
    if (limit !== undefined && limit.running >= limit.most) limit.waiting.unshift(entry)
    else this.#ready.splice(this.#nextReady, 0, entry)
    this.#pump()
  }

  look(): void {
    this.#pump()
  }

  hold(): void {
    if (this.#state === 'open') this.#state = 'held'
  }
  resume(): void {
    if (this.#state === 'held') this.#state = 'open'
    this.#pump()
  }

  close(): void {
    this.#state = 'closed'
    this.#ready = []
    this.#nextReady = 0
  }

  #makeReady(entry: Entry): void {
    const { limit } = entry
    if (limit !== undefined && limit.running >= limit.most) limit.waiting.push(entry)
    else this.#ready.push(entry)
  }

  /** A loop, not a recursion: an entry that ends at once frees its slot while this runs. */
  #pump(): void {
    if (this.#pumping) return
    this.#pumping = true
    try {
      while (this.#nextReady < this.#ready.length && this.#mayStart) {
        const entry = this.#takeReady()
        const { limit } = entry
        if (limit !== undefined) {
          if (limit.running >= limit.most) {
            limit.waiting.push(entry)
            continue
          }
          limit.running++
        }
        this.#running++
        this.#run(entry)
      }
    } finally {
      this.#pumping = false
    }
  }

  get #mayStart(): boolean {
    return this.#state === 'open' && this.#running < this.#concurrency && this.#gate.mayStart
  }

  #takeReady(): Entry {
    const entry = this.#ready[this.#nextReady++]!
    if (this.#nextReady === this.#ready.length) {
      this.#ready = []
      this.#nextReady = 0
    } else if (this.#nextReady === 1_024) {
      this.#ready = this.#ready.slice(1_024)
      this.#nextReady = 0
    }
    return entry
  }

  #releaseSlot(entry: Entry): void {
    this.#running--
    const { limit } = entry
    if (limit === undefined) return
    limit.running--
    const next = limit.waiting.shift()
    if (next !== undefined) this.#ready.push(next as Entry)
  }

  #leaveLane({ lanes, laneKey }: Entry): void {
    if (laneKey === null) return
    const lane = lanes.get(laneKey)!
    const next = lane.shift()
    if (next === undefined) lanes.delete(laneKey)
    else this.#makeReady(next as Entry)
  }
}
