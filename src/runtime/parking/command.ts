import { MillraceError } from '../../core/errors.ts'
import type { RecordFields, RecordHeader } from '../../log/records/batch-writer.ts'
import type { RecordCursor } from '../../log/records/record-batch.ts'
import { attemptHeader, commandHeader, errorHeader, idHeader, originHeader, redrivesHeader } from '../headers.ts'
import type { DeathNote, Origin } from './dead-letter.ts'

/** A record of a topic of commands that is not one of ours. */
export class InvalidCommandError extends MillraceError {
  readonly code = 'INVALID_COMMAND'
  constructor(what: string) {
    super(`A command cannot be carried out: ${what}.`)
  }
}

/** Names of topics of commands: this and the group. */
export const commandPrefix = 'millrace-commands-'
/** The topic by which a group is told what to do with records that wait, or that it gave up. */
export function commandTopic(group: string): string {
  return commandPrefix + group
}

/** What a group is told: about a record of the same partition. */
export type Command = Redrive | Discard | Cancel
/** Handle a dead letter again: its record, without what its death added. */
export interface Redrive {
  readonly kind: 'redrive'
  readonly id: string
  readonly origin: Origin
  readonly recordId: string
  readonly fields: RecordFields
}
/** A dead letter is not to be handled again. */
export interface Discard {
  readonly kind: 'discard'
  readonly id: string
  readonly origin: Origin
}
/** A delayed task is not to be done. */
export interface Cancel {
  readonly kind: 'cancel'
  readonly id: string
  readonly taskId: string
  /** Where it is in the log, when that is known; else any task of this id in the partition is meant. */
  readonly place?: { readonly topic: string; readonly topicId: string; readonly offset: number }
}

/** What became of a command. Of one that comes again: what became of the first. */
export type Outcome = 'redriven' | 'discarded' | 'cancelled' | 'not-found'

/** A command as a record, for its group's topic of commands. */
export interface EncodedCommand {
  readonly id: string
  readonly fields: RecordFields
}

/** The record that tells to handle a dead letter again; `dead` is the dead letter as it is in its topic. */
export function encodeRedrive(id: string, dead: RecordFields): EncodedCommand {
  const redrives = Number(textOf(dead, redrivesHeader) ?? 0) + 1
  const headers = (dead.headers ?? []).filter(([name]) => name !== redrivesHeader)
  const added: readonly RecordHeader[] = [[redrivesHeader, String(redrives)], commandOf({ kind: 'redrive', id })]
  return { id, fields: { ...dead, headers: [...headers, ...added] } }
}
/** The record that tells to handle it no more. */
export function encodeDiscard(id: string, dead: RecordFields): EncodedCommand {
  const headers = (dead.headers ?? []).filter(([name]) => name === originHeader)
  const { timestampMs } = dead
  return {
    id,
    fields: { timestampMs, key: null, value: null, headers: [...headers, commandOf({ kind: 'discard', id })] },
  }
}
/** The record that tells not to do a delayed task. */
export function encodeCancel(command: Cancel, timestampMs: number): EncodedCommand {
  const fields = { timestampMs, key: null, value: null, headers: [commandOf(command)] }
  return { id: command.id, fields }
}

/** Kind and death of a command, for those who only look at it; undefined where it is about no dead letter. */
export function peekCommand(cursor: RecordCursor): { readonly kind: string; readonly death: string } | undefined {
  const head = parse<Head>(cursor.headerText(commandHeader))
  const origin = parseOrigin(cursor.headerText(originHeader) ?? '')
  return head?.kind === undefined || origin === undefined ? undefined : { kind: head.kind, death: origin.death }
}

/** Reads the record under the cursor. Throws `InvalidCommandError`. */
export function readCommand(cursor: RecordCursor): Command {
  const head = parse<Head>(cursor.headerText(commandHeader))
  if (typeof head?.id !== 'string') throw new InvalidCommandError(`its header ${commandHeader} is missing or not ours`)
  const { id, taskId, place } = head
  if (head.kind === 'cancel' && typeof taskId === 'string' && (place === undefined || isPlace(place)))
    return { kind: 'cancel', id, taskId, ...(place !== undefined && { place }) }
  const origin = parseOrigin(cursor.headerText(originHeader) ?? '')
  if (origin === undefined) throw new InvalidCommandError(`its header ${originHeader} is missing or not ours`)
  if (head.kind === 'discard') return { kind: 'discard', id, origin }
  const recordId = cursor.headerText(idHeader)
  if (head.kind !== 'redrive' || recordId == null) throw new InvalidCommandError(`it says ${JSON.stringify(head)}`)
  const own = new Set([originHeader, attemptHeader, errorHeader, commandHeader])
  const headers: RecordHeader[] = cursor.headers().filter(([name]) => !own.has(name))
  const { timestampMs } = cursor
  const fields = { timestampMs, key: cursor.keyBytes(), value: cursor.valueBytes(), headers }
  return { kind: 'redrive', id, origin, recordId, fields }
}

/** The header's JSON, or undefined where it is not ours. */
export function parseOrigin(text: string): Origin | undefined {
  const origin = parse<Origin>(text)
  const isOurs =
    typeof origin?.group === 'string' &&
    typeof origin.death === 'string' &&
    Number.isInteger(origin.partition) &&
    isPlace(origin)
  return isOurs ? (origin as Origin) : undefined
}
function isPlace({ topic, topicId, offset }: Partial<Pick<Origin, 'topic' | 'topicId' | 'offset'>>): boolean {
  return typeof topic === 'string' && typeof topicId === 'string' && Number.isSafeInteger(offset) && offset! >= 0
}

/** The JSON of the header, whatever the kind. */
type Head = Omit<Cancel, 'kind'> & { readonly kind: Command['kind'] }

function commandOf(head: Cancel | Pick<Redrive | Discard, 'kind' | 'id'>): RecordHeader {
  return [commandHeader, JSON.stringify(head)]
}
function textOf({ headers = [] }: RecordFields, wanted: string): string | undefined {
  const value = headers.find(([name]) => name === wanted)?.[1]
  return value == null ? undefined : Buffer.from(value as Uint8Array).toString()
}
/** The header's JSON; what is missing or not ours in it is absent. */
export function parseDeathNote(text: string | null | undefined): Partial<DeathNote> {
  return parse<DeathNote>(text) ?? {}
}
function parse<T>(text: string | null | undefined): Partial<T> | undefined {
  try {
    const value: unknown = JSON.parse(text ?? '')
    return typeof value === 'object' && value !== null ? (value as Partial<T>) : undefined
  } catch {
    return undefined
  }
}
