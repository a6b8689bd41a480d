import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'

/** A folder in the working directory, because the system's temporary one may be in memory and then has no fsync. */
export class WorkFolder implements Disposable {
  readonly path: string
  #files = 0

  constructor() {
    // In .gitignore, as the logs of examples are.
    const parent = join(process.cwd(), '.millrace')
    mkdirSync(parent, { recursive: true })
    this.path = mkdtempSync(join(parent, 'bench-'))
    // Some gigabytes, perhaps: not to be left behind by Ctrl-C.
    process.once('SIGINT', () => {
      this[Symbol.dispose]()
      process.exit(130)
    })
  }

  /** A path in the folder that nothing has yet. */
  newPath(name: string): string {
    return join(this.path, `${name}-${++this.#files}.db`)
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true })
  }
}
