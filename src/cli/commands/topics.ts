import { type Command, readArguments, withOperator } from '../command.ts'
import { count, counted, kept, size } from '../format.ts'

/** `millrace topics`. */
export const topics: Command = {
  name: 'topics',
  usage: '[--all]',
  summary: 'the topics and queues, with how much is in them',
  help: "  --all       the framework's own too",
  run: async (call) => {
    const { values } = readArguments(call, { options: { all: { type: 'boolean' } } })
    const all = await withOperator(values, (operator) => operator.topics())
    const shown = all.filter(({ isInternal }) => values.all || !isInternal)
    const { output } = call
    if (output.isJson) output.json({ topics: shown })
    else {
      output.table(
        [
          { title: 'topic' },
          { title: 'partitions', isNumber: true },
          { title: 'records', isNumber: true },
          { title: 'size', isNumber: true },
          { title: 'kept' },
        ],
        shown.map((topic) => {
          const { name, partitions, records, sizeBytes } = topic
          return [name, count(partitions), count(records), size(sizeBytes), kept(topic)]
        }),
      )
      const left = all.length - shown.length
      if (left > 0) output.line(`${counted(left, 'topic')} of the framework's own: --all shows them.`)
    }
    return true
  },
}
