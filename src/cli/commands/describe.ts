import { type Command, readArguments, withOperator } from '../command.ts'
import { count, counted, kept, size } from '../format.ts'
import { lagByTopic } from './groups.ts'

/** `millrace describe <topic>`. */
export const describe: Command = {
  name: 'describe',
  usage: '<topic>',
  summary: 'one topic: its partitions, and who reads it how far',
  run: async (call) => {
    const { values, positionals } = readArguments(call, { options: {}, words: ['topic'] })
    const topic = await withOperator(values, (operator) => operator.describeTopic(positionals[0]!))
    const { output } = call
    if (output.isJson) {
      output.json({ topic })
      return true
    }
    const { name, partitions, records, sizeBytes, groups } = topic
    output.line(
      `${name}: ${counted(partitions.length, 'partition')}, ${counted(records, 'record')}, ${size(sizeBytes)}; kept: ${kept(topic)}`,
    )
    output.line()
    output.table(
      ['partition', 'start', 'end', 'records', 'size'].map((title) => ({ title, isNumber: true })),
      partitions.map(({ partition, start, end, sizeBytes: bytes }) => {
        return [String(partition), count(start), count(end), count(end - start), size(bytes)]
      }),
    )
    output.line()
    if (groups.length === 0) output.line('No group has read it.')
    else lagByTopic(output, groups)
    return true
  },
}
