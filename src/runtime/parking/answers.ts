import type { Log, TopicPartition } from '../../log/log.ts'
import type { Outcome } from './command.ts'
import { type ReadStore, StoreBuffer } from './store-buffer.ts'

/** Answers are kept for so long, whoever reads them. */
const keptMs = 60 * 60_000
const removedAtOnce = 1_000
const storeName = 'answers'

/** The id of a command: ids sort by time, so that old answers are found. */
export function commandId(nowMs: number, newId: () => string): string {
  return `${timePart(nowMs)}-${newId()}`
}

/** What became of the commands for one partition, in the log, so that whoever gave them can read it. */
export class Answers {
  readonly buffer: StoreBuffer
  /** `read` reads the partition's stores in the log. */
  constructor(read: ReadStore) {
    this.buffer = new StoreBuffer(storeName, read)
  }

  put(id: string, outcome: Outcome): void {
    this.buffer.put(Buffer.from(id), Buffer.from(outcome))
  }
  /** Forgets what is old. It goes with the next commit. */
  async sweep(nowMs: number): Promise<void> {
    const to = Buffer.from(timePart(nowMs - keptMs))
    for (const [key] of await this.buffer.read({ from: Buffer.alloc(0), to, limit: removedAtOnce })) {
      this.buffer.put(key, null)
    }
  }
}

/** The answer to a command, if there is one. */
export async function readAnswer(
  log: Log,
  of: TopicPartition & { readonly group: string; readonly id: string },
): Promise<Outcome | undefined> {
  const { group, topic, partition, id } = of
  const from = Buffer.from(id)
  const to = Buffer.concat([from, Buffer.from([0])])
  const [entry] = await log.readStore({ group, topic, partition, store: storeName, from, to, limit: 1 })
  return entry === undefined ? undefined : (Buffer.from(entry[1]).toString() as Outcome)
}

function timePart(timeMs: number): string {
  return Math.max(0, Math.round(timeMs)).toString(36).padStart(10, '0')
}
