/** The headers that we write: a public contract. Others' headers pass through untouched. */
export const idHeader = 'millrace-id'
/** W3C Trace Context: carried from a record to what its handler puts out. */
export const traceHeader = 'traceparent'
/** The version of the record's schema; absent for version 1. */
export { versionHeader } from '../topics/versioning.ts'
/** The task's id was given: of those that are sent with it within the queue's window, one is done. */
export const deduplicateHeader = 'millrace-deduplicate'
/** When a task is due, in milliseconds since the epoch. */
export const dueHeader = 'millrace-due'
/** Where a dead letter comes from. */
export const originHeader = 'millrace-origin'
/** How often a dead letter was tried. */
export const attemptHeader = 'millrace-attempt'
/** Why a dead letter is dead. */
export const errorHeader = 'millrace-error'
/** What a group is told to do: the JSON of a record of its topic of commands. */
export const commandHeader = 'millrace-command'
/** How often a record was dead and handled again. */
export const redrivesHeader = 'millrace-redrives'
/** Names that begin with it are refused from users. */
export const ownPrefix = 'millrace-'

/** The latest time that a date can say. */
const latestMs = 8.64e15

/** When a task is due, by its header; 0, at once, where that is missing or says no time. */
export function readDue(header: string | null | undefined): number {
  const dueMs = Number(header ?? 0)
  return dueMs > 0 && dueMs <= latestMs ? dueMs : 0
}
