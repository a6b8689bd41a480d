import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import type { CheckpointResult } from './checkpointer.ts'

/**
 * What the thread runs. It is text and not a file of its own, because a program that bundles us would not find the file.
 * Its connection waits for nobody, as ours.
 */
const program = `
const { parentPort, workerData } = require('node:worker_threads')
const { DatabaseSync } = require('node:sqlite')
const database = new DatabaseSync(workerData, { timeout: 0, returnArrays: true })
database.exec('PRAGMA synchronous = NORMAL; PRAGMA fullfsync = 1; PRAGMA checkpoint_fullfsync = 1; PRAGMA cache_size = -64')
const checkpoint = database.prepare('PRAGMA wal_checkpoint(PASSIVE)')
parentPort.on('message', (asked) => {
  if (asked === 'close') {
    database.close()
    parentPort.close()
    return
  }
  try {
    const [, pages, moved] = checkpoint.get()
    parentPort.postMessage({ pages, moved })
  } catch ({ message, errcode }) {
    parentPort.postMessage({ message, errcode })
  }
})
`

type Answer = CheckpointResult | { readonly message: string; readonly errcode: number | undefined }

/** A thread with a connection of its own to the log's file, for checkpoints beside the event loop. One at a time. */
export class CheckpointThread {
  readonly #worker: Worker

  constructor(path: string) {
    this.#worker = new Worker(program, { eval: true, workerData: path })
    this.#worker.unref()
  }

  /** Rejects with SQLite's error, or with what ended the thread. */
  async checkpoint(): Promise<CheckpointResult> {
    this.#worker.postMessage('checkpoint')
    const [answer] = (await once(this.#worker, 'message')) as [Answer]
    if ('pages' in answer) return answer
    throw Object.assign(new Error(answer.message), { errcode: answer.errcode })
  }

  async close(): Promise<void> {
    this.#worker.ref()
    const exited = once(this.#worker, 'exit')
    this.#worker.postMessage('close')
    await exited
  }
}
