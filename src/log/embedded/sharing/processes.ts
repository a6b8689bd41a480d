import { hostname } from 'node:os'
import type { Logger } from '../../../core/logger.ts'
import type { OpenDatabase, SqlDatabase } from '../database.ts'
import { GroupTables, type ProcessRow } from '../groups/group-tables.ts'
import type { ResolvedOptions } from '../options.ts'
import { type LivenessLock, LivenessProbe, removeDeadLocks } from './liveness-lock.ts'

/** How often the locks of other processes are tried: a few microseconds each. */
const probeIntervalMs = 20
/** Of the session timeout: how often a member's process says that it lives, and how often others look. */
const beatsInTimeout = 10
const looksInTimeout = 20
/** An observer that was away, or could not write itself, for this part of the session timeout has seen nothing: it counts anew. */
const awayInTimeout = 4

/** This process's entry in the log. */
export interface Registration {
  readonly id: string
  /** In the table, while the log is open. */
  readonly number: number
  readonly lock: LivenessLock
}

/** Enters this process, inside a transaction, and takes out those that died. Returns its number. */
export function enterProcess(
  database: SqlDatabase,
  { path, id, options }: { readonly path: string; readonly id: string; readonly options: ResolvedOptions },
): number {
  const { openDatabase, sessionTimeoutMs } = options
  const tables = new GroupTables(database)
  const living = new Set([id])
  for (const row of tables.processes()) {
    const probe = new LivenessProbe(path, row.id, openDatabase)
    if (probe.isDead()) tables.removeProcess(row.number)
    else living.add(row.id)
    probe.close()
  }
  removeDeadLocks(path, living, openDatabase)
  return tables.registerProcess({ id, processId: process.pid, host: hostname(), sessionTimeoutMs })
}

/** What it takes to know who lives. */
export interface ProcessesContext {
  readonly path: string
  readonly tables: GroupTables
  readonly registration: Registration
  readonly openDatabase: OpenDatabase
  readonly sessionTimeoutMs: number
  readonly logger: Logger
  /** As `SharedGroupsContext.exclusive`. */
  exclusive<T>(work: () => T): Promise<T>
  /** This process has members, whose partitions others would take. */
  hasMembers(): boolean
  /** Members of another process are gone. */
  expired(): void
}

/** Another process, as it is observed. */
interface Observed {
  row: ProcessRow
  readonly probe: LivenessProbe
  /** When its heartbeat was seen to move, on this process's clock. */
  movedAtMs: number
  isExpiring: boolean
}

/**
 * The processes that have the log open. One that died is seen by its lock and removed at once. One that hangs keeps its
 * lock: its members go when its heartbeat has not moved for its session timeout, on the clock of an observer that was
 * awake all the time, and could write. It lives on, and its members join again.
 */
export class Processes {
  readonly #context: ProcessesContext
  readonly #others = new Map<string, Observed>()
  #number: number
  #lookedAtMs = Number.NEGATIVE_INFINITY
  #lookIntervalMs = 0
  #probedAtMs = Number.NEGATIVE_INFINITY
  #beatAtMs = Number.NEGATIVE_INFINITY
  #tickedAtMs: number | undefined
  #isBeating = false

  constructor(context: ProcessesContext) {
    this.#context = context
    this.#number = context.registration.number
  }

  /** Process ids of those that were seen last. */
  get others(): readonly number[] {
    return [...this.#others.values()].map(({ row }) => row.processId)
  }

  isThis(process: number): boolean {
    return process === this.#number
  }

  /** This process's number, registered anew where somebody has taken it for dead. Inside a transaction. */
  ensure(): number {
    const { tables, registration, openDatabase, sessionTimeoutMs } = this.#context
    const known = tables.processes().some(({ number }) => number === this.#number)
    if (!known) {
      registration.lock.renew(openDatabase)
      const { id } = registration
      this.#number = tables.registerProcess({ id, processId: process.pid, host: hostname(), sessionTimeoutMs })
    }
    return this.#number
  }

  /** To be called every few milliseconds while this process has members. Reads alone; what is to be written follows. */
  tick(nowMs: number): void {
    const { sessionTimeoutMs } = this.#context
    const sinceMs = this.#tickedAtMs === undefined ? 0 : nowMs - this.#tickedAtMs
    this.#tickedAtMs = nowMs
    // Somebody keeps the write lock: nobody's heartbeat can move, and whoever gets the lock first would expire the others.
    const blockedMs = this.#isBeating ? nowMs - this.#beatAtMs : 0
    for (const other of this.#others.values()) {
      if (Math.max(sinceMs, blockedMs) > other.row.sessionTimeoutMs / awayInTimeout) other.movedAtMs = nowMs
    }
    if (nowMs - this.#lookedAtMs >= this.#lookIntervalMs) this.look(nowMs)
    if (nowMs - this.#probedAtMs >= probeIntervalMs) this.#probe(nowMs)
    if (this.#others.size > 0 && nowMs - this.#beatAtMs >= sessionTimeoutMs / beatsInTimeout) this.#beat(nowMs)
  }

  /** Who is there, and whose heartbeat has moved. */
  look(nowMs: number): void {
    const { tables, sessionTimeoutMs } = this.#context
    this.#lookedAtMs = nowMs
    const rows = tables.processes().filter(({ number }) => number !== this.#number)
    this.#lookIntervalMs = Math.min(sessionTimeoutMs, ...rows.map((row) => row.sessionTimeoutMs)) / looksInTimeout
    const ids = new Set(rows.map(({ id }) => id))
    for (const [id, { probe }] of this.#others) {
      if (ids.has(id)) continue
      probe.close()
      this.#others.delete(id)
    }
    for (const row of rows) {
      const observed = this.#others.get(row.id) ?? this.#observe(row, nowMs)
      // One without members has nothing to lose, and need not say that it lives.
      if (observed.row.heartbeat !== row.heartbeat || row.members === 0) observed.movedAtMs = nowMs
      observed.row = row
      if (nowMs - observed.movedAtMs >= row.sessionTimeoutMs) void this.#expire(observed, { isDead: false })
    }
  }

  close(): void {
    for (const { probe } of this.#others.values()) probe.close()
    this.#others.clear()
  }

  #observe(row: ProcessRow, nowMs: number): Observed {
    const { path, openDatabase } = this.#context
    const probe = new LivenessProbe(path, row.id, openDatabase)
    const observed = { row, probe, movedAtMs: nowMs, isExpiring: false }
    this.#others.set(row.id, observed)
    return observed
  }

  #probe(nowMs: number): void {
    this.#probedAtMs = nowMs
    for (const other of this.#others.values()) {
      if (!other.isExpiring && other.probe.isDead()) void this.#expire(other, { isDead: true })
    }
  }

  async #expire(observed: Observed, { isDead }: { readonly isDead: boolean }): Promise<void> {
    if (observed.isExpiring) return
    observed.isExpiring = true
    const { row, probe, movedAtMs } = observed
    const { tables, exclusive, logger } = this.#context
    try {
      const isOurs = await exclusive(() => {
        // Somebody else may have been first, or it has come to life while this one waited for the lock.
        const now = tables.processes().find(({ number }) => number === row.number)
        if (now === undefined) return false
        const isSilent = now.heartbeat === row.heartbeat && observed.movedAtMs === movedAtMs
        if (!isDead && (!isSilent || now.members === 0)) return false
        if (isDead) tables.removeProcess(row.number)
        else tables.expireMembers(row.number)
        return true
      })
      if (isDead) probe.remove()
      if (isOurs && row.members > 0) {
        const what = isDead ? 'has ended' : `has not been heard of for ${row.sessionTimeoutMs} ms`
        logger.warn(`Process ${row.processId} ${what}: its partitions move to others.`)
      }
      this.#context.expired()
    } catch {
      // The log has failed, is full or is being closed; when it goes on, the next look finds the same.
    } finally {
      observed.isExpiring = false
      // Its members may join again before its heartbeat moves: they have the whole time again.
      observed.movedAtMs = this.#tickedAtMs ?? movedAtMs
      this.#lookedAtMs = Number.NEGATIVE_INFINITY
    }
  }

  #beat(nowMs: number): void {
    if (this.#isBeating || !this.#context.hasMembers()) return
    this.#isBeating = true
    this.#beatAtMs = nowMs
    const beat = () => this.#context.tables.beat(this.#number)
    this.#context
      .exclusive(beat)
      .catch(() => {})
      .finally(() => {
        this.#isBeating = false
      })
  }
}
