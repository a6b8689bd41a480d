import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import type { WorkerMessage } from './worker-program.ts'

const program = join(import.meta.dirname, 'worker-program.ts')

/** Processes that do tasks, and how. */
export interface WorkersOptions {
  readonly processes: number
  /** Of the program. */
  readonly parameters: readonly string[]
  /** Tasks that wait for them. */
  readonly count: number
}

/**
 * Tasks done a second by processes that were loaded before and begin together. Throws when they did fewer than there are.
 */
export async function measureWorkers({ processes, parameters, count }: WorkersOptions): Promise<number> {
  const children = Array.from({ length: processes }, () => fork(program, parameters))
  try {
    await Promise.all(children.map((child) => next(child, (message) => message === 'ready')))
    const done = new Array<number>(processes).fill(0)
    const isPeer = parameters[0] === 'bullmq'
    const all = Promise.withResolvers<void>()
    const beganMs = performance.now()
    const answers = children.map((child, index) =>
      next(child, (message) => {
        if (typeof message === 'string') return false
        if ('error' in message) throw new Error(message.error)
        done[index] = message.done
        if (isPeer && sum(done) >= count) all.resolve()
        return !isPeer
      }),
    )
    for (const child of children) child.send('go')
    await (isPeer ? Promise.race([all.promise, ...answers]) : Promise.all(answers))
    const tookMs = performance.now() - beganMs
    if (sum(done) < count) throw new Error(`${sum(done)} tasks were done, of ${count}.`)
    for (const answer of answers) answer.catch(() => {})
    return (count / tookMs) * 1000
  } finally {
    await Promise.all(children.map(end))
  }
}

/** Resolves with the first message that is the one; rejects when the program ends without it. */
function next(child: ChildProcess, isIt: (message: WorkerMessage) => boolean): Promise<void> {
  return new Promise((resolve, reject) => {
    child.on('message', (message: WorkerMessage) => {
      try {
        if (isIt(message)) resolve()
      } catch (error) {
        reject(error)
      }
    })
    child.on('error', reject)
    child.on('exit', (code, signal) => reject(new Error(`A worker ended with ${signal ?? `exit code ${code}`}.`)))
  })
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = once(child, 'exit')
  // One that failed may be gone before this arrives.
  if (child.connected) child.send('stop', () => {})
  await ended
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0)
}
