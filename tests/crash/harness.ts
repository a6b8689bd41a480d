/** Runs the plant in processes that are killed, and looks at what they leave. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { findViolations, type Observed } from './checker.ts'
import type { ChildOptions } from './child.ts'
import { readDatabaseFile, readLogFile } from './files.ts'
import { type Entry, type Kept, readJournal } from './journal.ts'
import { isShared } from './producer.ts'
import type { Files } from './published.ts'
import type { SeededRandom } from './random.ts'
import type { Cancel } from './sources.ts'

const program = join(import.meta.dirname, 'child.ts')

export interface CrashOptions {
  readonly folder: string
  readonly processes: number
  readonly random: SeededRandom
  /** Some are stopped for a while, as by a debugger, before they are killed: often for longer than the session timeout. */
  readonly suspends?: boolean
}

/** A process and its journal. */
interface Running {
  readonly child: ChildProcess
  readonly journal: string
  readonly exited: Promise<unknown[]>
  readonly complaints: () => string
}

/** Processes on the files of one folder, round after round. */
export class CrashHarness {
  readonly #options: CrashOptions
  readonly #entries: Entry[] = []
  #started = 0
  #round = 0
  #deadMs = 0
  /** What was found at some kill: a run that never saw it says nothing about it. */
  readonly seen = new Set<string>()

  constructor(options: CrashOptions) {
    this.#options = options
  }

  /** Starts the processes, kills each at a moment of its own, and checks the files when the last is dead. */
  async round(): Promise<readonly string[]> {
    const { processes, random } = this.#options
    const isHealed = random.chance(0.3)
    const running = Array.from({ length: processes }, () => this.#start({ isHealed, isLast: false }))
    const complaints = await Promise.all(running.map((process) => this.#kill(process)))
    this.#deadMs = Date.now()
    this.#round++
    return [...complaints.flat(), ...this.check({ isSettled: false })]
  }

  /** One process finishes what the others left; then nothing waits any more. */
  async finish(): Promise<readonly string[]> {
    const process = this.#start({ isHealed: true, isLast: true })
    await process.exited
    this.#deadMs = Date.now()
    const entries = this.#read(process)
    const isSettled = entries.some(({ kind }) => kind === 'settled')
    const complaint = isSettled ? [] : [`the last process did not settle: ${process.complaints()}`]
    return [...complaint, ...failuresOf(entries), ...this.check({ isSettled: true })]
  }

  check(options: { readonly isSettled: boolean }): readonly string[] {
    const files = readFiles(this.#options.folder)
    if (files === undefined) return []
    const { observed } = this
    for (const what of whatIsIn(files, observed)) this.seen.add(what)
    return findViolations(files, observed, options)
  }

  get observed(): Observed {
    const acknowledged = new Map<string, string>()
    const booked = new Set<string>()
    const attempts: Observed['attempts'][number][] = []
    const kept: Kept[] = []
    const deleting = new Map<string, number[]>()
    const cancels = new Map<string, Cancel>()
    for (const entry of this.#entries) {
      if (entry.kind === 'acknowledged') acknowledged.set(entry.id, entry.topic)
      else if (entry.kind === 'booked') booked.add(entry.id)
      else if (entry.kind === 'attempt') attempts.push(entry)
      else if (entry.kind === 'kept') kept.push(entry)
      else if (entry.kind === 'deleting') deleting.set(entry.key, [...(deleting.get(entry.key) ?? []), entry.atMs])
      else if (entry.kind === 'cancelling') noteCancel(cancels, entry.id, 'asked')
      else if (entry.kind === 'cancel') noteCancel(cancels, entry.id, entry.outcome)
    }
    return { acknowledged, booked, attempts, kept, deleting, cancels, deadMs: this.#deadMs }
  }

  #start({ isHealed, isLast }: Pick<ChildOptions, 'isHealed' | 'isLast'>): Running {
    const { folder, random } = this.#options
    const name = `p${this.#started++}`
    const journal = join(folder, `${name}.journal`)
    const options: ChildOptions = {
      name,
      round: this.#round,
      folder,
      journal,
      seed: random.below(2 ** 31),
      isHealed,
      isLast,
    }
    const child = spawn(process.execPath, [program, JSON.stringify(options)], { stdio: ['ignore', 'ignore', 'pipe'] })
    let complaints = ''
    child.stderr!.on('data', (text) => {
      complaints += text
    })
    return { child, journal, exited: once(child, 'exit'), complaints: () => complaints }
  }

  /** While it starts, or while it works. */
  async #kill(running: Running): Promise<readonly string[]> {
    const { random } = this.#options
    const [isEarly, early, late] = [random.chance(0.15), random.below(500), random.below(900)]
    if (isEarly) await wait(early)
    else if (await isReady(running)) {
      await wait(late)
      if (this.#options.suspends && random.chance(0.2)) await this.#suspend(running)
    }
    running.child.kill('SIGKILL')
    await running.exited
    const entries = this.#read(running)
    const ended = running.child.signalCode === 'SIGKILL' ? [] : [`a process ended by itself: ${running.complaints()}`]
    return [...ended, ...failuresOf(entries)]
  }

  /** Inside of a transaction or outside. Then it goes on, with what it believes to have. */
  async #suspend({ child }: Running): Promise<void> {
    const { random } = this.#options
    child.kill('SIGSTOP')
    await wait(random.below(2_500))
    child.kill('SIGCONT')
    await wait(random.below(500))
  }

  #read({ journal }: Running): readonly Entry[] {
    const entries = existsSync(journal) ? readJournal(journal) : []
    this.#entries.push(...entries)
    return entries
  }
}

/** The files as they are; undefined before the first process made them. */
export function readFiles(folder: string): Files | undefined {
  const [log, database] = [join(folder, 'log.db'), join(folder, 'app.db')]
  if (!existsSync(log) || !existsSync(database)) return undefined
  return { log: readLogFile(log), database: readDatabaseFile(database) }
}

/** A cancel of another process may have no answer. */
function noteCancel(
  cancels: Map<string, Cancel>,
  id: string,
  what: 'asked' | 'cancelled' | 'not-found' | 'pending',
): void {
  const before = cancels.get(id) ?? { asked: 0, refused: 0, isCancelled: false }
  cancels.set(id, {
    asked: before.asked + Number(what === 'asked'),
    refused: before.refused + Number(what === 'not-found'),
    isCancelled: before.isCancelled || what === 'cancelled',
  })
}

function* whatIsIn({ log, database }: Files, { cancels, kept }: Observed): Generator<string> {
  const ofLog = ['copier', 'workers', 'keeper', 'batcher'].map(log.group)
  const ofDatabase = ['recorder', 'loader'].map(database.group)
  for (const { parked, graves, redriven, discarded, progress } of [...ofLog, ...ofDatabase]) {
    for (const { reason } of parked) yield reason
    if (graves.length > 0) yield 'grave'
    if (redriven.size > 0) yield 'redriven'
    if (discarded.size > 0) yield 'discarded'
    if (progress.some(({ finished }) => finished.size > 0)) yield 'finished ahead'
  }
  if (log.records.some(({ topic }) => topic.startsWith('millrace-dead-letters-'))) yield 'dead'
  const shared = log.records.map(({ headers }) => headers.get('millrace-id') ?? '').filter(isShared)
  if (new Set(shared).size < shared.length) yield 'sent twice'
  for (const { isCancelled } of cancels.values()) if (isCancelled) yield 'cancelled'
  const ids = new Set(log.records.map(({ topic, headers }) => `${topic} ${headers.get('millrace-id')}`))
  for (const { topic, id } of kept) if (!ids.has(`${topic} ${id}`)) yield `cleaned: ${topic}`
}

async function isReady({ child, journal }: Running): Promise<boolean> {
  for (;;) {
    if (existsSync(journal) && readJournal(journal).some(({ kind }) => kind === 'ready' || kind === 'failed'))
      return true
    if (child.exitCode !== null || child.signalCode !== null) return false
    await wait(5)
  }
}

function failuresOf(entries: readonly Entry[]): readonly string[] {
  return entries.flatMap((entry) => (entry.kind === 'failed' ? [`a process failed: ${entry.message}`] : []))
}
