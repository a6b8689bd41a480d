import { MillraceError, messageOf } from '../../core/errors.ts'

/** An error for people who did not write the program: what happened and what to do, without a stack. */
export function describeFailure(error: unknown): string {
  if (error instanceof MillraceError) return error.message
  // Of the system: a file that cannot be read, a pipe that is closed.
  if (error instanceof Error && 'code' in error) return error.message
  return `${messageOf(error)}. This is a bug in Millrace: please report it.`
}
