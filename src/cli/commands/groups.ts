import type { GroupLag } from '../../app/operator/groups.ts'
import { type Command, readArguments, withOperator } from '../command.ts'
import { count, counted } from '../format.ts'
import type { Output } from '../output.ts'

/** `millrace groups`. */
export const groups: Command = {
  name: 'groups',
  usage: '',
  summary: 'the groups, who works in them, and their lag',
  run: async (call) => {
    const { values } = readArguments(call, { options: {} })
    const all = await withOperator(values, (operator) => operator.groups())
    const { output } = call
    if (output.isJson) output.json({ groups: all })
    else {
      output.table(
        [
          { title: 'group' },
          { title: 'members', isNumber: true },
          { title: 'lag', isNumber: true },
          { title: 'topics' },
        ],
        all.map(({ group, members, lag: records, topics }) => {
          return [group, count(members.length), count(records), topics.join(', ')]
        }),
      )
      const stuck = all.find(({ members, lag: records }) => members.length === 0 && records > 0)
      if (stuck !== undefined) output.line(`Nobody works in ${stuck.group}: start an app that has it.`)
    }
    return true
  },
}

/** `millrace lag [group]`. */
export const lag: Command = {
  name: 'lag',
  usage: '[group]',
  summary: 'how far each group is; one of them by partition',
  run: async (call) => {
    const { values, positionals } = readArguments(call, { options: {}, words: ['group?'] })
    const lags = await withOperator(values, (operator) => operator.lag(positionals[0]))
    const { output } = call
    if (output.isJson) output.json({ lag: lags })
    else {
      if (positionals[0] === undefined) lagByTopic(output, lags)
      else lagByPartition(output, lags)
      output.line(`${counted(sumOf(lags), 'record')} not handled.`)
    }
    return true
  },
}

/** One row for each group and topic. */
export function lagByTopic(output: Output, lags: readonly GroupLag[]): void {
  const rows = Map.groupBy(lags, ({ group, topic }) => JSON.stringify([group, topic]))
  output.table(
    [
      { title: 'group' },
      { title: 'topic' },
      { title: 'lag', isNumber: true },
      { title: 'partitions', isNumber: true },
      { title: 'processes', isNumber: true },
    ],
    [...rows.values()].map((own) => {
      const processes = new Set(own.flatMap(({ process }) => process ?? []))
      const { group, topic } = own[0]!
      return [group, topic, count(sumOf(own)), count(own.length), count(processes.size)]
    }),
  )
}

function lagByPartition(output: Output, lags: readonly GroupLag[]): void {
  output.table(
    [
      { title: 'partition' },
      { title: 'position', isNumber: true },
      { title: 'end', isNumber: true },
      { title: 'lag', isNumber: true },
      { title: 'process' },
    ],
    lags.map(({ topic, partition, position, end, lag: records, process }) => {
      return [`${topic}/${partition}`, count(position), count(end), count(records), process ?? 'nobody']
    }),
  )
}

function sumOf(lags: readonly GroupLag[]): number {
  return lags.reduce((sum, each) => sum + each.lag, 0)
}
