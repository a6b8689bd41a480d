import type { Cancel } from '../../core/clock.ts'
import { messageOf } from '../../core/errors.ts'
import { TransactionEndedError, TransactionTimeoutError, UnawaitedStatementError } from '../errors.ts'
import type { Connection, StatementResult } from './connection.ts'
import { refuseTransactionControl } from './statement-text.ts'
import type { Holder, Writer } from './writer.ts'

/** What a transaction writes with, and for whom. */
export interface TransactionOptions {
  readonly writer: Writer
  /** For messages: a component, or a database. */
  readonly who: string
  /** From its first statement on; undefined for none. */
  readonly timeoutMs: number | undefined
  /** How long it kept other writers waiting. */
  readonly held: (who: string, heldMs: number) => void
}

const wasCommitted = () => new TransactionEndedError('was committed')
const wasRolledBack = () => new TransactionEndedError('was rolled back')

/**
 * One writing transaction.
 *
 * States: *fresh* → *opening* at the first statement (it waits for its turn) → *open* → *closing* (the commit has
 * begun: no new statement is taken) → *ended*: committed, rolled back, timed out or evicted. `rollback` goes from any
 * state to ended. A statement of an ended one throws why it ended.
 *
 * A statement that nobody awaits: it may wait for its turn, or run between two others, when the handler returns and
 * the commit begins. It is let run to its end, inside this transaction and in no other; then the transaction is rolled
 * back and the commit throws. One that begins after that finds the transaction ended.
 */
export class WriteTransaction implements Holder {
  readonly #options: TransactionOptions
  #opening: Promise<void> | undefined
  #open = false
  #closing = false
  /** Makes the error that later statements throw: at their call, for their stack. */
  #endedBy: (() => Error) | undefined
  #openedAtMs = 0
  #cancelDeadline: Cancel | undefined
  #running = 0
  #idle: (() => void) | undefined

  constructor(options: TransactionOptions) {
    this.#options = options
  }

  get ended(): boolean {
    return this.#endedBy !== undefined
  }

  /** Why it could not open until now: another process has the lock. Undefined where it waits for nothing of the kind. */
  get refusal(): Error | undefined {
    return this.#opening === undefined || this.#open || this.ended ? undefined : this.#options.writer.refusal
  }

  /** Runs a statement of the user's. An error of the statement leaves the transaction open, as SQLite does. */
  async execute(sql: string, parameters: readonly unknown[]): Promise<StatementResult> {
    refuseTransactionControl(sql, true)
    this.#refuseWhenOver()
    this.#running++
    try {
      if (!this.#open) await this.#begin()
      return this.#options.writer.connection.execute(sql, parameters)
    } catch (error) {
      this.#noticeRollback(error)
      throw error
    } finally {
      this.#running--
      if (this.#running === 0) this.#idle?.()
    }
  }

  /**
   * Runs `write` and commits as one step. Opens it first if need be. Whatever throws, everything is rolled back.
   * `committed` gets what `write` returned, before the next transaction begins; it must not throw.
   */
  async commit<T>(write: (connection: Connection) => T, committed?: (result: T) => void): Promise<void> {
    this.#refuseWhenOver()
    this.#closing = true
    try {
      if (this.#running > 0) {
        await new Promise<void>((resolve) => {
          this.#idle = resolve
        })
        throw new UnawaitedStatementError(this.#options.who)
      }
      if (!this.#open) await this.#begin()
      this.#options.writer.commit(write, (result) => {
        this.#end(wasCommitted)
        committed?.(result)
      })
    } catch (error) {
      this.rollback()
      throw error
    }
  }

  /** Ends one that never had a statement without touching the database. */
  async commitIfUsed(): Promise<void> {
    if (this.#opening === undefined && !this.ended) this.#end(wasCommitted)
    else await this.commit(() => undefined)
  }

  /** Undoes everything. Does nothing to one that has ended. */
  rollback(why: () => Error = wasRolledBack): void {
    if (this.ended) return
    if (this.#open) this.#options.writer.rollback()
    this.#end(why)
  }

  evicted(error: Error): void {
    if (!this.ended) this.#end(() => error)
  }

  #begin(): Promise<void> {
    this.#opening ??= this.#waitForTurn()
    return this.#opening
  }

  async #waitForTurn(): Promise<void> {
    const { writer, timeoutMs, who } = this.#options
    await writer.begin(this)
    if (this.#endedBy !== undefined) {
      // Rolled back while it waited: the turn came all the same and is given back.
      writer.rollback()
      throw this.#endedBy()
    }
    this.#open = true
    this.#openedAtMs = writer.timing.elapsedMs()
    if (timeoutMs === undefined) return
    this.#cancelDeadline = writer.timing.clock.schedule(timeoutMs, () =>
      this.rollback(() => new TransactionTimeoutError(who, timeoutMs)),
    )
  }

  /** Some errors (a full disk, ON CONFLICT ROLLBACK) end the transaction in SQLite: later statements would commit one by one. */
  #noticeRollback(error: unknown): void {
    if (!this.#open || this.#options.writer.connection.inTransaction) return
    const how = `was rolled back by SQLite (${messageOf(error)})`
    this.rollback(() => new TransactionEndedError(how, { cause: error }))
  }

  #end(why: () => Error): void {
    this.#endedBy = why
    this.#cancelDeadline?.()
    if (!this.#open) return
    this.#open = false
    const { held, who, writer } = this.#options
    held(who, writer.timing.elapsedMs() - this.#openedAtMs)
  }

  #refuseWhenOver(): void {
    if (this.#endedBy !== undefined) throw this.#endedBy()
    if (this.#closing) throw new TransactionEndedError('is being committed')
  }
}
