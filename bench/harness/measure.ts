/** Figures of several runs of one thing. */
export interface Figures {
  readonly value: number
  readonly lowest: number
  readonly highest: number
}

/** How often each figure is measured. */
export const runsOfEach = 3

/** Runs `run` after one that warms up and does not count. */
export async function repeat<T>(run: () => Promise<T>): Promise<T[]> {
  await run()
  const results: T[] = []
  while (results.length < runsOfEach) results.push(await run())
  return results
}

/** Median, lowest and highest. */
export function summarize(runs: readonly number[]): Figures {
  const sorted = runs.toSorted((a, b) => a - b)
  return { value: percentile(sorted, 0.5), lowest: sorted[0]!, highest: sorted.at(-1)! }
}

/** Of numbers in rising order, the one below which `share` of them are. */
export function percentile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]!
}

/** How many of `count` things that `work` does are done in a second. */
export async function rateOf(count: number, work: () => Promise<void>): Promise<number> {
  const beganMs = performance.now()
  await work()
  return (count / (performance.now() - beganMs)) * 1000
}

/** Calls `work` until `durationMs` have passed, by `width` callers that each call again when their call has ended. */
async function callFor(durationMs: number, width: number, work: () => unknown): Promise<number> {
  const untilMs = performance.now() + durationMs
  let count = 0
  const caller = async () => {
    while (performance.now() < untilMs) {
      await work()
      count++
    }
  }
  await Promise.all(Array.from({ length: width }, caller))
  return count
}

/** Something whose rate is measured in turns with that of others. */
export interface Rated {
  /** Calls at once; 1 by default. */
  readonly width?: number
  readonly work: () => unknown
}

const slices = 5
const sliceMs = 200

/** How often each is done in a second: in slices of time, in turns, so that what slows the machine slows all of them. */
export async function ratesInTurns<Name extends string>(
  all: Readonly<Record<Name, Rated>>,
): Promise<Record<Name, number>> {
  const entries = Object.entries<Rated>(all).map(([name, rated]) => ({ name, ...rated, count: 0, ms: 0 }))
  for (let slice = 0; slice < slices; slice++) {
    for (const entry of entries) {
      const beganMs = performance.now()
      entry.count += await callFor(sliceMs, entry.width ?? 1, entry.work)
      entry.ms += performance.now() - beganMs
    }
  }
  return Object.fromEntries(entries.map(({ name, count, ms }) => [name, (count / ms) * 1000])) as Record<Name, number>
}
