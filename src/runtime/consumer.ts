import { AsyncLocalStorage } from 'node:async_hooks'
import { longestTimeoutMs } from '../core/clock.ts'
import { Condition } from '../core/condition.ts'
import { toError } from '../core/errors.ts'
import type { Lease, Log, Member } from '../log/log.ts'
import type { AnyDefinition } from '../topics/types.ts'
import type { Host, Unsettled } from './attachment.ts'
import { AttemptRunner } from './attempt-runner.ts'
import { BatchLanes } from './batches/batch-lanes.ts'
import { Batching } from './batches/batching.ts'
import { Circuit } from './circuit.ts'
import type { DatabaseHome } from './commit/commit-home.ts'
import { DatabaseCommitter } from './commit/database-committer.ts'
import { LogCommitter } from './commit/log-committer.ts'
import type { OutputMessage } from './commit/output.ts'
import { KeylessRotation } from './commit/stager.ts'
import type { ConsumerSpecification, Route } from './consumer-specification.ts'
import type { Delivery } from './delivery.ts'
import { Intake } from './intake.ts'
import { Lanes, type Limit, type Scheduler } from './lanes.ts'
import { Limits } from './limits.ts'
import { Outcomes } from './outcomes.ts'
import type { CommandReader } from './parking/command-reader.ts'
import type { Holding } from './parking/holding.ts'
import type { ParkedRecord } from './parking/parked-record.ts'
import { prepareParking } from './parking/preparation.ts'
import { PartitionOpener } from './partition-opener.ts'
import { describeTask, type PartitionTask, type TaskOwner } from './partition-task.ts'
import { findUnsettledOf } from './status/consumer-settling.ts'
import { type ConsumerStatus, type ConsumerView, describeConsumer } from './status/consumer-status.ts'
import { tellComponentFailed, tellRebalance } from './status/diagnostic-events.ts'
import { type GroupPosition, readGroupPositions } from './status/group-positions.ts'
import { type ComponentReport, describeComponent } from './status/group-status.ts'
import { RateMeter } from './status/rate-meter.ts'
import { StorageRetry } from './storage-retry.ts'

/**
 * One member of a group: reads its partitions, runs handlers in lanes, commits.
 *
 *     new → running → stopping → stopped
 *              └── failed: takes nothing more at once, then as stopping; the app is told why
 *
 * It runs from its join on; `pause` holds it there. The intake hands batches to partition tasks; tasks offer records to
 * the lanes; the attempt runner calls handlers; a committer makes what finished durable. `settled`, lag and revokes
 * are answered from the tasks' trackers.
 */
export class Consumer implements TaskOwner {
  readonly #host: Host
  readonly #specification: ConsumerSpecification
  readonly #intake: Intake
  readonly #circuit: Circuit | undefined
  readonly #lanes: Scheduler<Delivery>
  /** The lanes of a component that takes batches. */
  readonly #batches: BatchLanes | undefined
  readonly #outcomes: Outcomes
  readonly #runner: AttemptRunner
  readonly #storage: StorageRetry
  readonly #limits = new Limits()
  readonly #rates = new RateMeter()
  readonly #sources: Map<string, AnyDefinition>
  /** An attempt has ended, or waits. */
  readonly #attempts = new Condition()
  /** What a handler sets off by a handle is no part of it: not in its transaction, nor in its scope. */
  readonly #outside = AsyncLocalStorage.snapshot()
  #state: 'new' | 'running' | 'stopping' | 'stopped' = 'new'
  #failure: Error | undefined
  #home: DatabaseHome | undefined
  #member: Member | undefined
  #offsets: LogCommitter | undefined
  #database: DatabaseCommitter | undefined
  #holding: Holding | undefined
  #opener: PartitionOpener | undefined
  #commands: CommandReader | undefined
  #stopped: Promise<void> | undefined

  constructor(host: Host, specification: ConsumerSpecification) {
    this.#host = host
    this.#specification = specification
    const { group, pauseOn, whenSpent, concurrency, batch } = specification
    const { clock, random, logger } = host
    const takes = () => this.#takes
    const wentOn = () => this.#intake.admitAll()
    this.#storage = new StorageRetry({ logger, random, who: `'${group}'`, goesOn: takes, wentOn })
    this.#intake = new Intake({
      takes,
      // What cannot be committed for long is not added to.
      hasRoom: () => this.#offsets!.hasRoom && this.#storage.reason === undefined,
      failed: (error) => this.#failed(error),
      storage: this.#storage,
    })
    this.#sources = new Map(specification.sources.map((source) => [source.name, source]))
    this.#circuit = pauseOn && new Circuit({ host, group, pauseOn, opened: () => this.#lanes.look() })
    const run = (delivery: Delivery) => this.#runner.run(delivery)
    const follow = (delivery: Delivery) => this.#holding!.offer(delivery)
    this.#batches = batch && new BatchLanes({ concurrency, policy: batch, clock, run, follow, gate: this.#circuit })
    this.#lanes = this.#batches ?? new Lanes(concurrency, run, this.#circuit)
    const scope = { host, componentName: group, log: host.logger }
    const used = { host, lanes: this.#lanes, intake: this.#intake, rates: this.#rates, attempts: this.#attempts }
    this.#outcomes = new Outcomes({
      ...used,
      lost: (task) => this.#lost(task),
      failed: (error) => this.#failed(error),
    })
    const batches = { outcomes: this.#outcomes, lanes: this.#batches, runner: () => this.#runner }
    const owner = this.#batches === undefined ? this.#outcomes : new Batching({ ...batches, lanes: this.#batches })
    this.#runner = new AttemptRunner({ scope, owner, whenSpent, random, circuit: this.#circuit })
  }

  /** Resolves when the group gave it its partitions (perhaps none), and without them when it is stopped meanwhile. */
  async start(): Promise<void> {
    const { group, sources, database } = this.#specification
    await this.#host.ensure(sources)
    const log = await this.#host.log()
    this.#home = database === undefined ? undefined : await this.#host.home(database)
    if (this.#state !== 'new') return
    this.#intake.reader = log.createReader()
    const lost = (task: PartitionTask) => this.#lost(task)
    this.#offsets = new LogCommitter({
      host: this.#host,
      log,
      group,
      rotation: new KeylessRotation(),
      storage: this.#storage,
      drained: () => this.#lanes.running === 0 && !this.#intake.hasBacklog,
      failed: (error) => this.#failed(error),
      lost,
      committed: () => this.#intake.admitAll(),
      lazy: this.#home !== undefined,
    })
    const parts = { offsets: this.#offsets, host: this.#host, componentName: group, lost }
    if (this.#home !== undefined) this.#database = new DatabaseCommitter({ ...parts, home: this.#home })
    await this.#prepareParking(log)
    // Stopped meanwhile: `stop` found nothing that it could end.
    if (this.#state !== 'new') return this.#closeReaders()
    this.#state = 'running'
    this.#rates.start()
    this.#member = await log.join({
      group,
      topics: [...this.#sources.keys()],
      listener: {
        assigned: (leases) => this.#assign(leases),
        revoked: (leases) => this.#revoke(leases),
        lost: (leases) => this.#lose(leases),
        failed: (error) => this.#failed(error),
      },
    })
    this.#offsets.member = this.#member
    // Stopped while it joined: `stop` had no member yet that could leave.
    if (this.#state === 'running') {
      this.#intake.start()
      this.#commands!.start()
    } else await this.#member.leave()
  }

  /** What keeps records that wait, and what carries out the commands about them. */
  async #prepareParking(log: Log): Promise<void> {
    const specification = this.#specification
    const { holding, commands } = await prepareParking({
      host: this.#host,
      log,
      specification,
      lanes: this.#lanes,
      storage: this.#storage,
      tasks: () => this.#intake.tasks.values(),
      takes: () => this.#takes,
      settle: (delivery, outputs) => this.#settle(delivery, outputs),
      store: (task) => this.#store(task),
      commit: (task) => this.#storeNow(task),
      confirm: (task) => this.#offsets!.confirm(task),
      answered: (task) => this.#offsets!.touch(task),
      wait: (delivery, dueMs) => this.#runner.wait(delivery, dueMs, () => this.offer(delivery)),
      takeDelayed: (task, id) => this.#runner.takeDelayed(task, id),
      lost: (task) => this.#lost(task),
      failed: (error) => this.#failed(error),
    })
    this.#holding = holding
    this.#commands = commands
    this.#outcomes.open({ offsets: this.#offsets!, database: this.#database, holding })
    const storage = this.#storage
    const parts = { host: this.#host, log, home: this.#home, specification, owner: this, commands, storage }
    const places = { sources: this.#sources, intake: this.#intake, offsets: this.#offsets!, database: this.#database }
    this.#opener = new PartitionOpener({
      ...parts,
      ...places,
      takes: () => this.#takes,
      leases: () => this.#member?.leases,
      failed: (error) => this.#failed(error),
    })
  }

  /** Takes nothing more, waits for what runs up to the deadline, aborts the rest, commits, leaves. */
  stop(deadlineMs: number): Promise<void> {
    this.#stopped ??= this.#shutDown(deadlineMs)
    return this.#stopped
  }

  pause(reason: string): void {
    this.#lanes.hold()
    this.#intake.pause(reason)
  }
  resume(): void {
    this.#outside(() => {
      this.#lanes.resume()
      this.#intake.resume()
    })
  }

  /** Records that are in the log and not finished, over all partitions of the sources. */
  async lag(): Promise<number> {
    return (await this.#positions()).reduce((lag, { position, end }) => lag + Math.max(0, end - position), 0)
  }

  /** For `app.status()`; never rejects. */
  async report(): Promise<ComponentReport> {
    const own = new Set(this.#specification.sources.map(({ name }) => name))
    const positions = this.#state === 'new' ? undefined : await this.#positions().catch(() => undefined)
    return describeComponent({
      state: this.#failure === undefined ? this.#state : 'failed',
      status: this.status(),
      positions: positions?.filter(({ topic }) => own.has(topic)),
      tasks: this.#intake.tasks,
      rates: this.#rates,
      lastFailure: this.#runner.lastFailure,
    })
  }

  /** Exact at the moment of the answer: no record below the end is unfinished, and all of it is committed. */
  async unsettled(): Promise<readonly Unsettled[]> {
    if (this.#state !== 'running') return []
    const commands = await this.#commands!.unsettled()
    const records = findUnsettledOf({
      ...this.#view,
      positions: await this.#positions(),
      gathersUntilMs: (task) => this.#batches?.gathersUntilMs(task),
      // A database as home: its checkpoint is what counts, and that is committed with each record; stores are looked at.
      isCommitted: this.#home !== undefined || (this.#offsets?.clean ?? true),
    })
    return [...commands, ...records]
  }

  /** What it does at the moment. */
  status(): ConsumerStatus {
    return describeConsumer({ ...this.#view, concurrency: this.#specification.concurrency })
  }
  get #view(): ConsumerView {
    const storage = [this.#home?.blockedBy, this.#storage.reason, this.#runner.storageReason]
    return {
      group: this.#specification.group,
      tasks: this.#intake.tasks,
      waiting: [...this.#runner.parked],
      running: this.#lanes.running,
      pausedFor: this.#intake.pausedFor,
      outage: this.#circuit?.outage,
      storage: storage.filter((reason) => reason !== undefined),
    }
  }

  // What tasks ask for.

  mayAdmit(task: PartitionTask): boolean {
    return this.#intake.mayAdmit(task)
  }
  route(source: AnyDefinition, name: string | undefined): Route | undefined {
    return this.#specification.route(source, name)
  }
  tombstoneRoute(): Route | undefined {
    return this.#specification.tombstones
  }
  limitOf(route: Route): Limit | undefined {
    return this.#limits.of(route)
  }
  offer(delivery: Delivery): void {
    if (this.#batches === undefined) this.#holding!.offer(delivery)
    else this.#batches.gather(delivery)
  }
  delay(delivery: Delivery, dueMs: number): boolean {
    return this.#holding!.delay(delivery, dueMs)
  }
  due(task: PartitionTask, record: ParkedRecord): void {
    const wake = () => void this.#holding!.wake(task, record)
    if (!this.#circuit?.postpone(wake)) wake()
  }
  touched(task: PartitionTask): void {
    this.#offsets!.touch(task)
    if (this.#database?.isBehind(task)) void this.#database.tryStore(task)
  }
  backlogChanged(task: PartitionTask): void {
    this.#intake.backlogChanged(task)
  }
  readonly unreadable = (error: unknown): void => this.#failed(toError(error))

  #lost(task: PartitionTask): void {
    if (task.closed) return
    this.#host.logger.warn(`'${this.#specification.group}' lost ${describeTask(task)}: another owner has it now`)
    tellRebalance('lost', this.#specification.group, [task.lease])
    task.close('lost')
    this.#runner.stopTask(task)
    this.#runner.abort(task)
    this.#forget(task)
    if (this.#takes) this.#opener!.reopen(task.lease)
  }
  /** Ends the component; the app learns why. Only the first failure counts. */
  #failed(error: Error): void {
    if (this.#failure !== undefined || this.#state === 'stopped') return
    this.#failure = error
    this.#lanes.close()
    this.#runner.stop()
    this.#circuit?.close()
    this.#host.failed(this.#specification.component, error)
    tellComponentFailed(this.#specification.component, error)
    this.#host.progressed()
    // Not at once: it may be told by what `stop` waits for. What finished is committed, and the partitions go to others.
    setImmediate(() => void this.stop(this.#host.drainTimeoutMs).catch(() => {}))
  }

  async #assign(leases: readonly Lease[]): Promise<void> {
    await this.#opener!.open(leases)
    tellRebalance('assigned', this.#specification.group, leases)
  }

  #settle(delivery: Delivery, outputs: readonly OutputMessage[]): Promise<void> | undefined {
    return this.#outcomes.settle(delivery.task, { deliveries: [delivery], outputs }, this.#database?.begin())
  }

  #store(task: PartitionTask): void {
    this.#intake.admitMore(task)
    if (this.#database === undefined) this.#offsets!.touch(task)
    else void this.#database.tryStore(task)
  }

  async #storeNow(task: PartitionTask): Promise<void> {
    if (this.#database !== undefined) return this.#database.store(task)
    this.#offsets!.touch(task)
    return this.#offsets!.flush()
  }

  /** Before these move: what runs of them ends, all of it is committed. */
  async #revoke(leases: readonly Lease[]): Promise<void> {
    await this.#opener!.reopened
    const tasks = this.#intake.of(leases)
    for (const task of tasks) {
      task.close('revoked')
      this.#runner.stopTask(task)
      this.#intake.unassign(task)
    }
    // As at a stop: whoever waits for these partitions does not wait for ever.
    const abortAll = () => tasks.map((task) => this.#runner.abort(task))
    const abort = setTimeout(abortAll, Math.min(this.#host.drainTimeoutMs, longestTimeoutMs))
    await this.#attempts.until(() => tasks.every((task) => task.running === 0))
    clearTimeout(abort)
    if (this.#database !== undefined) for (const task of tasks) await this.#database.tryStore(task)
    await this.#offsets!.flush()
    for (const task of tasks) this.#forget(task)
    tellRebalance('revoked', this.#specification.group, leases)
  }
  #lose(leases: readonly Lease[]): void {
    for (const task of this.#intake.of(leases)) this.#lost(task)
  }
  #forget(task: PartitionTask): void {
    this.#offsets!.drop(task)
    this.#batches?.forget(task)
    this.#intake.forget(task)
  }

  async #shutDown(deadlineMs: number): Promise<void> {
    const wasRunning = this.#state === 'running'
    this.#state = wasRunning ? 'stopping' : 'stopped'
    if (!wasRunning) return
    this.#lanes.close()
    this.#runner.stop()
    this.#circuit?.close()
    await Promise.all([this.#intake.end(), this.#commands!.end()])
    const abort = setTimeout(() => this.#runner.abort(), Math.min(deadlineMs, longestTimeoutMs))
    try {
      await this.#attempts.until(() => this.#lanes.running === 0)
      await this.#offsets?.flush()
      await this.#member?.leave()
    } finally {
      clearTimeout(abort)
      this.#runner.close()
      this.#rates.stop()
      await this.#closeReaders()
      this.#state = 'stopped'
    }
  }
  async #closeReaders(): Promise<void> {
    await Promise.all([this.#intake.close(), this.#commands!.close()])
  }

  get #takes(): boolean {
    return this.#state === 'running' && this.#failure === undefined
  }

  #positions(): Promise<readonly GroupPosition[]> {
    const { group } = this.#specification
    const topics = [...this.#sources.keys()]
    const position = (name: string) => this.#intake.tasks.get(name)?.tracker.position
    return readGroupPositions(this.#host, { group, topics, position })
  }
}
