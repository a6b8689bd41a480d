import { compareBytes } from '../../core/bytes.ts'
import type { PartitionStoreWrites, StoreReadRange } from '../commit/commit-home.ts'

/** Reads entries of a partition's stores as they are committed. */
export type ReadStore = (range: StoreReadRange) => Promise<readonly (readonly [key: Uint8Array, value: Uint8Array])[]>
type Writes = Map<string, readonly [key: Uint8Array, value: Uint8Array | null]>

/**
 * Changes of one store of a partition that wait for their commit, and a view of the store as if it were done.
 *
 * A change is *pending* until `take` puts it into a commit, and *in flight* until that commit is `committed`: then the store
 * has it.
 */
export class StoreBuffer {
  readonly name: string
  readonly #read: ReadStore
  #pending: Writes = new Map()
  #inFlight: Writes = new Map()

  constructor(name: string, read: ReadStore) {
    this.name = name
    this.#read = read
  }

  get isDirty(): boolean {
    return this.#pending.size + this.#inFlight.size > 0
  }

  put(key: Uint8Array, value: Uint8Array | null): void {
    this.#pending.set(textOf(key), [key, value])
  }

  /** A change of it waits for its commit. */
  isPending(key: Uint8Array): boolean {
    return this.#pending.has(textOf(key))
  }
  /** Entries as they are committed, without what waits. */
  read(range: Omit<StoreReadRange, 'store'>): ReturnType<ReadStore> {
    return this.#read({ ...range, store: this.name })
  }

  async get(key: Uint8Array): Promise<Uint8Array | undefined> {
    const text = textOf(key)
    const waiting = this.#pending.get(text) ?? this.#inFlight.get(text)
    if (waiting !== undefined) return waiting[1] ?? undefined
    const [found] = await this.#read({ store: this.name, from: key, limit: 1 })
    return found !== undefined && compareBytes(found[0], key) === 0 ? found[1] : undefined
  }

  /**
   * What a commit is to write, with `also`, changes for this commit alone, behind it. One commit at a time: what is still
   * in flight was in one that failed, and goes again.
   */
  take(also: PartitionStoreWrites['writes'] = []): PartitionStoreWrites {
    this.#inFlight = new Map([...this.#inFlight, ...this.#pending])
    this.#pending = new Map()
    return { store: this.name, writes: [...this.#inFlight.values(), ...also] }
  }
  committed(): void {
    this.#inFlight = new Map()
  }
}

function textOf(key: Uint8Array): string {
  return Buffer.from(key.buffer, key.byteOffset, key.byteLength).toString('latin1')
}
