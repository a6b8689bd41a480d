import { messageOf } from './errors.ts'
import { onOneLine } from './one-line.ts'

/** Four methods; `console` fits, and so do pino and winston with their arguments turned round. */
export interface Logger {
  debug(message: string, fields?: object): void
  info(message: string, fields?: object): void
  warn(message: string, fields?: object): void
  error(message: string, fields?: object): void
}

/** Says nothing. */
export const silentLogger: Logger = { debug() {}, info() {}, warn() {}, error() {} }

/**
 * Lines to standard error (standard output belongs to the program): level, message, fields as JSON. No `debug`. Warnings and
 * errors tell what others said: each is one line.
 */
export function standardErrorLogger(): Logger {
  const write = (level: string, show: (text: string) => string) => (message: string, fields?: object) => {
    const rest = fields === undefined || Object.keys(fields).length === 0 ? '' : ` ${toText(fields)}`
    process.stderr.write(`${level} ${show(message)}${rest}\n`)
  }
  return {
    debug() {},
    info: write('info ', (text) => text),
    warn: write('warn ', onOneLine),
    error: write('error', onOneLine),
  }
}

/** A line of the log must not fail what it tells of: what JSON has no text for is left out. */
function toText(fields: object): string {
  try {
    return JSON.stringify(fields, plainErrors)
  } catch (error) {
    return `(its fields have no JSON: ${messageOf(error).split('\n', 1)[0]})`
  }
}

/** Errors have no enumerable properties: without this they would read `{}`. */
function plainErrors(_key: string, value: unknown): unknown {
  return value instanceof Error ? `${value.name}: ${value.message}` : value
}
