import { MillraceError } from '../core/errors.ts'
import { describeFaults, type Fault } from '../core/faults.ts'

/** The app stops, or has stopped: the command was rolled back, or never began. */
export class CommandStoppedError extends MillraceError {
  readonly code = 'COMMAND_STOPPED'
  override readonly retryable = true
  constructor(command: string) {
    super(`Command '${command}' was not done: its app has stopped. Nothing of it is left; call it again after a start.`)
  }
}

/** A command's input does not fit its schema. Every fault is listed; the handler was not called. */
export class InvalidInputError extends MillraceError {
  readonly code = 'INVALID_INPUT'
  readonly command: string
  readonly faults: readonly Fault[]
  constructor(command: string, faults: readonly Fault[]) {
    super(`This does not fit the input of command '${command}': ${describeFaults(faults)}. Nothing was done.`)
    this.command = command
    this.faults = faults
  }
}
