import type { TailedRecord, TailOptions } from '../../app/operator/tail.ts'
import { onOneLine } from '../../app/operator/text.ts'
import { type Command, readArguments, readWhole, UsageError, withOperator } from '../command.ts'

const lastByDefault = 10

/** `millrace tail <topic>`. */
export const tail: Command = {
  name: 'tail',
  usage: '<topic> [--from start|end|OFFSET|TIME] [--partition N] [--key KEY] [--follow] [--limit N]',
  summary: 'the records of a topic, the last ten by default',
  help: `  --from      start, end, an offset (of each partition) or a time (2026-01-31T12:00:00Z); else the last --limit
  --partition of this partition alone
  --key       of this key alone
  --follow    goes on with what is appended, until it is ended (-f)
  --limit     at most so many
With --json each record is a line.`,
  endsAtSignal: true,
  run: async (call) => {
    const { values, positionals } = readArguments(call, {
      options: {
        from: { type: 'string' },
        partition: { type: 'string' },
        key: { type: 'string' },
        follow: { type: 'boolean', short: 'f' },
        limit: { type: 'string' },
      },
      words: ['topic'],
    })
    const { output, signal } = call
    const from = readFrom(values.from)
    const options: TailOptions = {
      topic: positionals[0]!,
      from,
      partition: values.partition === undefined ? undefined : readWhole('partition', values.partition),
      key: values.key,
      follow: values.follow ?? false,
      limit: readLimit(values.limit, from),
      signal,
    }
    // A reader that waits keeps no process alive.
    const keepAlive = setInterval(() => {}, 2 ** 30)
    try {
      await withOperator(values, async (operator) => {
        let isEmpty = true
        for await (const record of operator.tail(options)) {
          isEmpty = false
          if (output.isJson) output.jsonLine(record)
          else output.line(describeRecord(record))
        }
        if (isEmpty && !options.follow) output.note('No records.')
      })
    } finally {
      clearInterval(keepAlive)
    }
    return true
  },
}

function readFrom(text: string | undefined): TailOptions['from'] {
  if (text === undefined) return 'last'
  if (text === 'start' || text === 'end') return text
  if (/^\d+$/.test(text)) return readWhole('from', text)
  // No more than that: the engine takes '-3' for a month.
  const time = new Date(/^\d{4}-\d\d/.test(text) ? text : Number.NaN)
  if (!Number.isNaN(time.getTime())) return time
  throw new UsageError(`--from is '${text}', expected start, end, an offset or a time such as 2026-01-31T12:00:00Z`)
}

function readLimit(text: string | undefined, from: TailOptions['from']): number {
  if (text !== undefined) return readWhole('limit', text, 1)
  return from === 'last' ? lastByDefault : Number.POSITIVE_INFINITY
}

function describeRecord({ topic, partition, offset, timestamp, key, value, encoding }: TailedRecord): string {
  const shown = {
    json: () => JSON.stringify(value),
    text: () => String(value),
    base64: () => `base64:${value}`,
    tombstone: () => '(tombstone)',
  }
  return onOneLine(`${timestamp ?? '-'}  ${topic}/${partition}@${offset}  ${key ?? '-'}  ${shown[encoding]()}`)
}
