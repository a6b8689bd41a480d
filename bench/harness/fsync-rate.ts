import { closeSync, fdatasyncSync, openSync, writeSync } from 'node:fs'
import type { WorkFolder } from './work-folder.ts'

const block = Buffer.alloc(4096, 7)
/** Blocks that are written over in turn. */
const blocks = 256

/**
 * Fsyncs a second of the disk, each after a write of 4 KiB: what durable figures are measured against. Taken in turns
 * with them, since a disk that others use too changes by the second.
 */
export class FsyncProbe implements Disposable {
  readonly #overwritten: number
  readonly #growing: number
  #count = 0

  constructor(folder: WorkFolder) {
    this.#overwritten = openSync(folder.newPath('fsync'), 'w')
    for (let at = 0; at < blocks; at++) writeSync(this.#overwritten, block)
    fdatasyncSync(this.#overwritten)
    this.#growing = openSync(folder.newPath('fsync'), 'w')
  }

  /** Over bytes that are there already, as a database's log is written once it is long enough. */
  overwrite(): void {
    writeSync(this.#overwritten, block, 0, block.length, (this.#count++ % blocks) * block.length)
    fdatasyncSync(this.#overwritten)
  }

  /** At the end of a file that grows. */
  append(): void {
    writeSync(this.#growing, block)
    fdatasyncSync(this.#growing)
  }

  [Symbol.dispose](): void {
    closeSync(this.#overwritten)
    closeSync(this.#growing)
  }
}
