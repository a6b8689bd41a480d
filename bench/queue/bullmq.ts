/** As much of BullMQ as the benchmark uses: its types come with it, and it may not be installed. */
import { loadPeer } from '../peers/install.ts'

interface Connection {
  readonly connection: { readonly host: string; readonly port: number }
}
interface Job {
  readonly name: string
  readonly data: object
}
/** BullMQ's queue. */
export interface BullQueue {
  waitUntilReady(): Promise<unknown>
  add(name: string, data: object): Promise<unknown>
  addBulk(jobs: readonly Job[]): Promise<unknown>
  getJobCounts(): Promise<Readonly<Record<string, number>>>
  close(): Promise<void>
}
/** BullMQ's worker. */
export interface BullWorker {
  waitUntilReady(): Promise<unknown>
  on(event: 'completed', listener: () => void): unknown
  close(): Promise<void>
}
interface BullMq {
  readonly Queue: new (name: string, options: Connection) => BullQueue
  readonly Worker: new (
    name: string,
    process: (job: { readonly data: object }) => Promise<unknown>,
    options: Connection & { readonly concurrency: number },
  ) => BullWorker
}

/** BullMQ on a Redis of this machine. */
export function loadBullMq(port: number): {
  readonly queue: (name: string) => BullQueue
  readonly worker: (name: string, concurrency: number, process: () => Promise<unknown>) => BullWorker
} {
  const { Queue, Worker } = loadPeer<BullMq>('bullmq')
  const connection = { host: '127.0.0.1', port }
  return {
    queue: (name) => new Queue(name, { connection }),
    worker: (name, concurrency, process) => new Worker(name, process, { connection, concurrency }),
  }
}
