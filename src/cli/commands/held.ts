import { type Command, databaseHelp, databaseOption, readArguments, withOperator } from '../command.ts'
import { count, counted, cut, until } from '../format.ts'

/** `millrace held [group]`. */
export const held: Command = {
  name: 'held',
  usage: '[group] [--database URL]',
  summary: 'keys that wait for a failed record to be tried again',
  help: databaseHelp,
  run: async (call) => {
    const { values, positionals } = readArguments(call, {
      options: { database: databaseOption },
      words: ['group?'],
    })
    const keys = await withOperator(values, (operator) => operator.held(positionals[0]))
    const { output } = call
    if (output.isJson) output.json({ held: keys })
    else if (keys.length === 0) output.line('Nothing is held.')
    else {
      const nowMs = Date.now()
      output.table(
        [
          { title: 'group' },
          { title: 'record' },
          { title: 'key' },
          { title: 'waiting', isNumber: true },
          { title: 'attempt', isNumber: true },
          { title: 'due' },
          { title: 'error' },
        ],
        keys.map(({ group, topic, partition, offset, key, records, attempt, dueAt, error }) => [
          group,
          `${topic}/${partition}@${offset}`,
          cut(key ?? '-', 40),
          count(records),
          count(attempt),
          dueAt === null ? 'when redriven' : until(dueAt, nowMs),
          cut(error ?? '-', 80),
        ]),
      )
      const records = keys.reduce((sum, each) => sum + each.records, 0)
      output.line(`${counted(records, 'record')} of ${counted(keys.length, 'key')} held.`)
    }
    return true
  },
}
