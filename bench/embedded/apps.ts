import type { Logger } from 'millrace'

const silence: Logger = {
  debug() {},
  info() {},
  warn: (line) => console.error(line),
  error: (line) => console.error(line),
}

/** Options of an app that says nothing unless something is wrong. */
export const quiet: { readonly logger: Logger } = { logger: silence }
