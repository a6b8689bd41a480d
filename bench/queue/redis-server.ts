import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { accessSync, constants, mkdirSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { delimiter, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { WorkFolder } from '../harness/work-folder.ts'

const startTimeoutMs = 10_000
const stopTimeoutMs = 5_000

/** The path of `redis-server`; undefined where there is none on the `PATH`. */
export function findRedis(): string | undefined {
  const paths = (process.env.PATH ?? '').split(delimiter).map((folder) => join(folder, 'redis-server'))
  return paths.find((path) => {
    try {
      accessSync(path, constants.X_OK)
      return true
    } catch {
      return false
    }
  })
}

/** A Redis of the benchmark's own: on a free port of this machine, its files in the benchmark's folder. */
export class RedisServer implements AsyncDisposable {
  readonly port: number
  readonly #child: ChildProcess

  private constructor(port: number, child: ChildProcess) {
    this.port = port
    this.#child = child
  }

  /** Resolves when it takes connections. `options` are of `redis-server`; everything else is as Redis has it. */
  static async start(path: string, folder: WorkFolder, options: readonly string[]): Promise<RedisServer> {
    const port = await findFreePort()
    const files = folder.newPath('redis')
    mkdirSync(files)
    const where = ['--port', String(port), '--bind', '127.0.0.1', '--dir', files, '--loglevel', 'warning']
    const child = spawn(path, [...where, ...options], { stdio: 'ignore' })
    const server = new RedisServer(port, child)
    const untilMs = performance.now() + startTimeoutMs
    while (!(await accepts(port))) {
      if (child.exitCode !== null) throw new Error(`redis-server ended with exit code ${child.exitCode}.`)
      if (performance.now() > untilMs) throw new Error(`redis-server took no connection in ${startTimeoutMs} ms.`)
      await sleep(20)
    }
    return server
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const ended = once(this.#child, 'exit')
    // What it holds is of no use: no last snapshot, and the process that writes one ends too, as with SIGKILL it would not.
    const socket = connect(this.port, '127.0.0.1')
    socket.on('error', () => {})
    socket.end('SHUTDOWN NOSAVE NOW FORCE\r\n')
    const kill = setTimeout(() => this.#child.kill('SIGKILL'), stopTimeoutMs)
    await ended
    clearTimeout(kill)
  }
}

async function findFreePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new Error('The system gave no port.')
  return address.port
}

async function accepts(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1')
  try {
    await once(socket, 'connect')
    return true
  } catch {
    return false
  } finally {
    socket.destroy()
  }
}
