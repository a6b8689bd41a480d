import { type ParseArgsOptionsConfig, parseArgs } from 'node:util'
import { type Operator, openOperator } from '../app/operator/operator.ts'
import type { Output } from './output.ts'

/** How a command is called. */
export interface CommandCall {
  /** Behind the command's name. */
  readonly args: readonly string[]
  readonly output: Output
  readonly input: NodeJS.ReadStream
  /** For what `endsAtSignal`: aborts at the first SIGINT or SIGTERM. */
  readonly signal: AbortSignal
}

/** One thing that `millrace` does. */
export interface Command {
  /** One word or two: `dead-letters list`. */
  readonly name: string
  /** What stands behind the name: `<topic> [--key KEY]`. */
  readonly usage: string
  /** One line. */
  readonly summary: string
  /** Its own options, one a line, and what else is to know. */
  readonly help?: string
  /** It ends by itself when it is told to; the others end where they are, as programs do. */
  readonly endsAtSignal?: true
  /** Resolves with false when it was done and found something that is bad. */
  run(call: CommandCall): Promise<boolean>
}

/** The command line is wrong. Nothing was done. */
export class UsageError extends Error {}

/** It cannot be done, for a reason that the text says. */
export class CommandFailure extends Error {}

/** Options that every command has. */
export const commonOptions = {
  url: { type: 'string' },
  json: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const

/** Of commands that look into what groups keep where they commit. */
export const databaseOption = { type: 'string' } as const
/** Its line in a help. */
export const databaseHelp =
  '  --database  where groups commit that have one: file:path/to/app.db; else DATABASE_URL, else file:.millrace/app.db'

/** Takes options and the words between them apart; `words` are named, those that may be missing end in `?`. */
export function readArguments<const Options extends ParseArgsOptionsConfig>(
  { args }: CommandCall,
  { options, words = [] }: { readonly options: Options; readonly words?: readonly string[] },
) {
  const parsed = parse(args, options)
  const needed = words.filter((word) => !word.endsWith('?'))
  const missing = needed[parsed.positionals.length]
  if (missing !== undefined) throw new UsageError(`<${missing}> is missing`)
  const tooMany = parsed.positionals[words.length]
  if (tooMany !== undefined) throw new UsageError(`'${tooMany}' is one word too many`)
  return parsed
}

function parse<const Options extends ParseArgsOptionsConfig>(args: readonly string[], options: Options) {
  try {
    const known = { ...options, ...commonOptions }
    return parseArgs({ args: joinValues(args, known), options: known, allowPositionals: true })
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message.replace(/\. To specify.*$/s, '') : String(error))
  }
}

/**
 * An option's value may begin with a hyphen, as a key or an id of somebody may, and a word too: what begins with one hyphen
 * and is no option of ours goes behind the options.
 */
function joinValues(args: readonly string[], options: ParseArgsOptionsConfig): string[] {
  const joined: string[] = []
  const words: string[] = []
  for (let at = 0; at < args.length; at++) {
    const arg = args[at]!
    if (arg === '--') {
      words.push(...args.slice(at + 1))
      break
    }
    const value = args[at + 1]
    const takesValue = arg.startsWith('--') && options[arg.slice(2)]?.type === 'string'
    if (takesValue && value === undefined) throw new UsageError(`${arg} needs a value`)
    if (takesValue) {
      joined.push(`${arg}=${value}`)
      at++
    } else if (/^-[^-]/.test(arg) && !Object.values(options).some(({ short }) => arg === `-${short}`)) words.push(arg)
    else if (arg.startsWith('-')) joined.push(arg)
    else words.push(arg)
  }
  return [...joined, '--', ...words]
}

/** A whole number from `least`, as an option gives it. */
export function readWhole(name: string, text: string, least = 0): number {
  const value = Number(text)
  if (/^\d+$/.test(text) && Number.isSafeInteger(value) && value >= least) return value
  throw new UsageError(`--${name} is '${text}', expected a whole number from ${least}`)
}

/** Opens the log, does it, closes the log. */
export async function withOperator<T>(
  { url, database }: { readonly url?: string | undefined; readonly database?: string | undefined },
  work: (operator: Operator) => Promise<T>,
): Promise<T> {
  await using operator = await openOperator({ url, databaseUrl: database })
  return await work(operator)
}
