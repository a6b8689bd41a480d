import { messageOf } from '../core/errors.ts'
import type { Log } from '../log/log.ts'
import type { Attachment } from '../runtime/attachment.ts'
import type { OutboxRelay, RelayStatus } from '../runtime/commit/outbox-relay.ts'
import type { ComponentReport, ComponentState, GroupStatus } from '../runtime/status/group-status.ts'
import type { DeadLetterCounts } from './dead-letter-counts.ts'
import type { DeadLetterCount } from './dead-letters.ts'

/** The log that an app has. */
export interface LogStatus {
  readonly id: string
  readonly location: string
  /** What a commit costs, about, in milliseconds. */
  readonly commitCostMs: number
  /** Why it takes no more, for good or until another process gives its lock back; null while it works. */
  readonly error: string | null
}
/** One component, with what its guarantee is. */
export interface ComponentStatus {
  readonly name: string
  readonly kind: string
  readonly state: ComponentState
  /** Why it does not go on as it could, in words: who paused it, what is full. Empty when nothing holds it. */
  readonly waitsFor: readonly string[]
  /** Topics or queues that it reads. */
  readonly reads: readonly string[]
  /** Where it commits. */
  readonly home: string
  readonly guarantee: string
  /** Of what reads a topic; null for what is called. */
  readonly group: GroupStatus | null
}
/**
 * What an app does at this moment. It is JSON as it is: times are ISO 8601, what is not there is null.
 */
export interface AppStatus {
  readonly app: string
  readonly state: 'new' | 'starting' | 'started' | 'stopping' | 'stopped'
  /** As `health()` says. */
  readonly health: { readonly status: 'up' | 'down'; readonly reasons: readonly string[] }
  readonly at: string
  /** Null before the log is opened, and where it cannot be. */
  readonly log: LogStatus | null
  readonly components: readonly ComponentStatus[]
  /** Of this app's groups, by cause, most first; those that were redriven or discarded are not counted. */
  readonly deadLetters: readonly DeadLetterCount[]
  /** Messages of databases on their way to the log. */
  readonly outboxes: readonly RelayStatus[]
}

/** What a status is made of. */
export interface StatusSources {
  readonly app: string
  readonly state: AppStatus['state']
  readonly health: AppStatus['health']
  readonly at: Date
  /** Undefined before it is opened. */
  readonly log: Promise<Log> | undefined
  readonly attachments: readonly Attachment[]
  readonly deadLetters: DeadLetterCounts
  readonly relays: Iterable<Promise<OutboxRelay>>
}

/** Never rejects: what cannot be asked says so. */
export async function readStatus(sources: StatusSources): Promise<AppStatus> {
  const { app, state, health, at, log, attachments, relays } = sources
  const [logStatus, components, deadLetters, outboxes] = await Promise.all([
    readLog(log),
    Promise.all(attachments.map((attachment) => readComponent(attachment, state))),
    readDeadLetters(sources),
    Promise.all([...relays].map((relay) => relay.then((each) => each.status()).catch(() => undefined))),
  ])
  return {
    app,
    state,
    health,
    at: at.toISOString(),
    log: logStatus,
    components: components.flat(),
    deadLetters,
    outboxes: outboxes.filter((outbox) => outbox !== undefined),
  }
}

async function readDeadLetters({ log: opening, attachments, deadLetters }: StatusSources) {
  const groups = attachments.flatMap(({ report, guarantees }) => (report ? guarantees.map(({ name }) => name) : []))
  try {
    const log = await opening
    return log === undefined ? [] : await deadLetters.read(log, groups)
  } catch {
    // The log says itself why it cannot be read.
    return []
  }
}

async function readLog(opening: Promise<Log> | undefined): Promise<LogStatus | null> {
  const log = await opening?.catch(() => undefined)
  if (log === undefined) return null
  const { id, location, commitCostMs } = log
  const error = await log.topics().then(() => log.blockedBy ?? null, messageOf)
  return { id, location, commitCostMs, error }
}

async function readComponent(attachment: Attachment, app: AppStatus['state']): Promise<readonly ComponentStatus[]> {
  const report = (await attachment.report?.()) ?? reportOf(attachment, app)
  return attachment.guarantees.map(({ name, kind, reads, home, guarantee }) => {
    return { name, kind, ...report, reads, home, guarantee }
  })
}

/** Of a component that has none of its own. */
function reportOf({ blockedBy }: Attachment, app: AppStatus['state']): ComponentReport {
  if (blockedBy === undefined) return { state: stateIn(app), waitsFor: [], group: null }
  return { state: app === 'started' ? 'waiting' : stateIn(app), waitsFor: [blockedBy], group: null }
}
function stateIn(app: AppStatus['state']): ComponentState {
  if (app === 'started') return 'running'
  return app === 'starting' ? 'new' : app
}
