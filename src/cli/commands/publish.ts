import { createInterface } from 'node:readline/promises'
import type { Operator } from '../../app/operator/operator.ts'
import { type Command, CommandFailure, readArguments, UsageError, withOperator } from '../command.ts'
import { counted } from '../format.ts'

/** Lines of standard input that go into one commit. */
const linesAtOnce = 500

/** `millrace publish <topic> [value]`. */
export const publish: Command = {
  name: 'publish',
  usage: '<topic> [value] [--key KEY] [--header NAME=VALUE]… [--id ID]',
  summary: 'appends a value of JSON, or one for each line of standard input',
  help: `  --key       of the records; without it they have none
  --header    may be given several times
  --id        of the record, to deduplicate on; for one value
No schema is checked: what does not fit its topic goes to the dead letters of those who read it.`,
  run: async (call) => {
    const { values, positionals } = readArguments(call, {
      options: {
        key: { type: 'string' },
        header: { type: 'string', multiple: true },
        id: { type: 'string' },
      },
      words: ['topic', 'value?'],
    })
    const [topic, value] = positionals as [string, string | undefined]
    const fault = value === undefined ? undefined : faultOf(value)
    if (fault !== undefined) throw new UsageError(`the value is not JSON: ${fault}`)
    if (value === undefined && values.id !== undefined) throw new UsageError('--id is for one value, give it')
    const headers = Object.fromEntries((values.header ?? []).map(readHeader))
    const options = { headers, ...(values.id !== undefined && { id: values.id }) }
    const { output, input } = call
    const placed: { readonly partition: number; readonly id: string }[] = []
    await withOperator(values, async (operator: Operator) => {
      const append = async (texts: readonly string[]) => {
        placed.push(...(await operator.publish({ topic, key: values.key ?? null, values: texts, options })))
      }
      if (value !== undefined) await append([value])
      else {
        const lines: string[] = []
        let number = 0
        for await (const line of createInterface({ input })) {
          number++
          if (line.trim() === '') continue
          const broken = faultOf(line)
          if (broken !== undefined) {
            const before = counted(placed.length, 'record')
            throw new CommandFailure(
              `line ${number} is not JSON (${broken}); ${before} of the lines before it are appended`,
            )
          }
          lines.push(line)
          if (lines.length === linesAtOnce) await append(lines.splice(0))
        }
        if (lines.length > 0) await append(lines)
      }
    })
    output.note(`No schema was checked: what does not fit '${topic}' goes to the dead letters of its groups.`)
    if (output.isJson) output.json({ published: placed.map((each) => ({ topic, ...each })) })
    else if (placed.length === 1) output.line(`${topic}/${placed[0]!.partition}  ${placed[0]!.id}`)
    else output.line(`${counted(placed.length, 'record')} appended to ${topic}.`)
    return true
  },
}

function readHeader(text: string): [string, string] {
  const at = text.indexOf('=')
  if (at < 1) throw new UsageError(`--header is '${text}', expected NAME=VALUE`)
  return [text.slice(0, at), text.slice(at + 1)]
}

/** Why it is not JSON; undefined when it is. */
function faultOf(text: string): string | undefined {
  try {
    JSON.parse(text)
    return undefined
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}
