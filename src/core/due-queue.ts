/** What is due at a time. */
export interface Due {
  readonly dueMs: number
}

/** A binary heap: the entry that is due first comes first; those of one time in any order. */
export class DueQueue<Entry extends Due> {
  readonly #heap: Entry[] = []

  get size(): number {
    return this.#heap.length
  }
  get first(): Entry | undefined {
    return this.#heap[0]
  }

  push(entry: Entry): void {
    const heap = this.#heap
    let at = heap.push(entry) - 1
    while (at > 0) {
      const above = (at - 1) >>> 1
      if (heap[above]!.dueMs <= entry.dueMs) break
      heap[at] = heap[above]!
      at = above
    }
    heap[at] = entry
  }

  pop(): Entry | undefined {
    const heap = this.#heap
    const first = heap[0]
    const last = heap.pop()
    if (last === undefined || heap.length === 0) return first
    let at = 0
    for (;;) {
      let below = 2 * at + 1
      if (below >= heap.length) break
      if (below + 1 < heap.length && heap[below + 1]!.dueMs < heap[below]!.dueMs) below++
      if (heap[below]!.dueMs >= last.dueMs) break
      heap[at] = heap[below]!
      at = below
    }
    heap[at] = last
    return first
  }
}
