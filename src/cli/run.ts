import { describeFailure } from '../app/operator/failure.ts'
import { type Command, CommandFailure, UsageError } from './command.ts'
import { commands } from './commands.ts'
import { Output, type OutputStream } from './output.ts'
import { version } from './version.ts'

/** What of the process a command line sees. */
export interface Terminal {
  readonly stdin: NodeJS.ReadStream
  readonly stdout: OutputStream
  readonly stderr: OutputStream
  once(signal: 'SIGINT' | 'SIGTERM', listener: () => void): unknown
}

/** Resolves with the exit code: 0 for good, 1 when it failed or found something bad, 2 when the command line is wrong. */
export async function runCommandLine(args: readonly string[], terminal: Terminal): Promise<0 | 1 | 2> {
  const { stdout: out, stderr: err, stdin: input } = terminal
  const output = new Output({ json: args.includes('--json'), out, err })
  const command = findCommand(args)
  try {
    if (args.length === 0 || args[0] === 'help' || (command === undefined && wantsHelp(args))) {
      output.line(overview(partsOf(args)))
      return args.length === 0 ? 2 : 0
    }
    if (args[0] === '--version') {
      output.line(version())
      return 0
    }
    if (command === undefined) throw new UsageError(unknownCommand(args))
    if (wantsHelp(args)) {
      output.line(helpOf(command))
      return 0
    }
    const stopping = new AbortController()
    // Who listens keeps the process from ending: only for those that do it themselves.
    const signals = command.endsAtSignal === true ? (['SIGINT', 'SIGTERM'] as const) : []
    for (const signal of signals) terminal.once(signal, () => stopping.abort())
    const rest = args.slice(command.name.split(' ').length)
    return (await command.run({ args: rest, output, input, signal: stopping.signal })) ? 0 : 1
  } catch (error) {
    if (error instanceof UsageError) {
      output.note(`millrace: ${error.message}`)
      output.note(command === undefined ? 'Try millrace --help' : `Usage: ${callOf(command)}`)
      return 2
    }
    output.note(`millrace: ${error instanceof CommandFailure ? error.message : describeFailure(error)}`)
    return 1
  }
}

function findCommand(args: readonly string[]): Command | undefined {
  return commands.find(({ name }) => name === args.slice(0, name.split(' ').length).join(' '))
}
function unknownCommand(args: readonly string[]): string {
  const parts = partsOf(args).map(({ name }) => name)
  if (parts.length > 0) return `'${args[0]}' is one of ${parts.join(', ')}`
  return args[0]!.startsWith('-') ? 'the command comes first' : `there is no command '${args[0]}'`
}
/** Of a command of two words by its first: `dead-letters`. */
function partsOf(args: readonly string[]): readonly Command[] {
  return commands.filter(({ name }) => name.startsWith(`${args[0]} `))
}
function callOf({ name, usage }: Command): string {
  return `millrace ${name} ${usage}`.trimEnd()
}
function wantsHelp(args: readonly string[]): boolean {
  const end = args.indexOf('--')
  return (end < 0 ? args : args.slice(0, end)).some((arg) => arg === '--help' || arg === '-h')
}

const common = `  --url URL   the log: file:path/to/log.db; else MILLRACE_URL, else file:.millrace/log.db
  --json      for programs
  --help      what a command takes`

/** All commands, or those that are asked for. */
function overview(parts: readonly Command[]): string {
  const shown = parts.length > 0 ? parts : commands
  const width = Math.max(...shown.map(({ name }) => name.length))
  const lines = shown.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}`)
  return `Looks into a Millrace log, beside the apps that use it.

millrace <command> [options]

${lines.join('\n')}

${common}
  --version   of Millrace

Exit code 0: done; 1: it failed, or doctor found something bad; 2: the command line is wrong.`
}
function helpOf(command: Command): string {
  const { summary, help } = command
  const lines = [...(help === undefined ? [] : help.split('\n')), ...common.split('\n')]
  const notes = lines.filter((line) => !option.test(line))
  const blocks = [summary, callOf(command), align(lines), notes.join('\n')]
  return blocks.filter((block) => block !== '').join('\n\n')
}

/** A line of a help that says what an option does. */
const option = /^ {2}(--[a-z-]+(?: [A-Z]+)?) +(.*)$/

/** The lines of options: what is said of them stands in one column. */
function align(lines: readonly string[]): string {
  const options = lines.map((line) => option.exec(line)).filter((match) => match !== null)
  const width = Math.max(...options.map(([, name]) => name!.length))
  return options.map(([, name, text]) => `  ${name!.padEnd(width)}  ${text}`).join('\n')
}
