import { MillraceError } from 'millrace'

/** Something that the person at the terminal can put right: the message says how. */
export class UsageError extends Error {}

/** The sentence for an error that is no bug of ours; everything else is thrown on, with its stack. */
export function explain(error: unknown): string {
  if (error instanceof MillraceError || error instanceof UsageError) return error.message
  throw error
}

/** Where to listen: `PORT` (3000) and `HOST` (127.0.0.1). Throws `UsageError`. */
export function readAddress(environment: NodeJS.ProcessEnv): { readonly port: number; readonly host: string } {
  const port = environment.PORT || '3000'
  if (!/^\d{1,5}$/.test(port) || Number(port) > 65_535) {
    throw new UsageError(`PORT is '${port}': give a whole number from 0 to 65535 (0 takes any free port).`)
  }
  return { port: Number(port), host: environment.HOST || '127.0.0.1' }
}

/** Whether orders of `poison-` products fail: `SHOP_POISON` (on). Throws `UsageError`. */
export function readPoison({ SHOP_POISON: poison = '' }: NodeJS.ProcessEnv): boolean {
  if (!['', 'on', 'off'].includes(poison)) throw new UsageError(`SHOP_POISON is '${poison}': give on or off.`)
  return poison !== 'off'
}

const listenFailures: Readonly<Record<string, string>> = {
  EADDRINUSE: 'is in use: stop the program that has it, or choose another with PORT',
  EACCES: 'may not be used by this process: choose one from 1024 with PORT',
  EADDRNOTAVAIL: 'is not an address of this machine: choose another with HOST',
  ENOTFOUND: 'is not a name that this machine knows: choose another with HOST',
}

/** What to do when `listen` failed. */
export function listenError(error: unknown, { port, host }: { readonly port: number; readonly host: string }): unknown {
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  const failure = listenFailures[code]
  if (failure === undefined) return error
  return new UsageError(
    `${code.startsWith('EADDRNOT') || code === 'ENOTFOUND' ? host : `Port ${port} of ${host}`} ${failure}.`,
  )
}
