/**
 * Commands: rows and messages in one database transaction.
 *
 * @module
 */
export { type CommandContext, type CommandHandle, command } from './command.ts'
export { CommandStoppedError, InvalidInputError } from './errors.ts'
