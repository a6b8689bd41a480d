import { type Command, databaseHelp, databaseOption, readArguments, readWhole, withOperator } from '../command.ts'
import { count, counted, cut, until } from '../format.ts'

/** `millrace delayed list`. */
export const listDelayed: Command = {
  name: 'delayed list',
  usage: '[--queue Q] [--group G] [--limit N] [--database URL]',
  summary: 'tasks that wait for their time',
  help: `  --queue     of this queue
  --group     of this worker
  --limit     at most so many, 50 by default: those that are due first
${databaseHelp}`,
  run: async (call) => {
    const { values } = readArguments(call, {
      options: {
        queue: { type: 'string' },
        group: { type: 'string' },
        limit: { type: 'string', default: '50' },
        database: databaseOption,
      },
    })
    const limit = readWhole('limit', values.limit, 1)
    const tasks = await withOperator(values, async (operator) => {
      const found = await operator.delayed.list(filterOf(values))
      if (found.length === 0) await operator.expectKnown({ group: values.group, topic: values.queue })
      return found
    })
    const shown = tasks.slice(0, limit)
    const { output } = call
    if (output.isJson) output.json({ delayed: shown, count: tasks.length })
    else if (tasks.length === 0) output.line('Nothing is delayed.')
    else {
      const nowMs = Date.now()
      output.table(
        [{ title: 'id' }, { title: 'queue' }, { title: 'worker' }, { title: 'key' }, { title: 'due' }, { title: 'at' }],
        shown.map(({ id, topic, group, key, dueAt }) => {
          return [id, topic, group, cut(key ?? '-', 40), until(dueAt, nowMs), dueAt]
        }),
      )
      if (tasks.length > limit) output.line(`${count(tasks.length - limit)} more: --limit ${tasks.length} shows them.`)
      else output.line(`${counted(tasks.length, 'task')} delayed. Next: millrace delayed cancel ${shown[0]!.id}`)
    }
    return true
  },
}

/** `millrace delayed cancel <id>`. */
export const cancelDelayed: Command = {
  name: 'delayed cancel',
  usage: '<id> [--queue Q] [--group G] [--database URL]',
  summary: 'one that has not begun is not done any more',
  help: `  --queue     of this queue
  --group     of this worker
${databaseHelp}`,
  run: async (call) => {
    const { values, positionals } = readArguments(call, {
      options: { queue: { type: 'string' }, group: { type: 'string' }, database: databaseOption },
      words: ['id'],
    })
    const id = positionals[0]!
    const options = { ...filterOf(values), wait: '2s' } as const
    const outcome = await withOperator(values, async (operator) => {
      const answer = await operator.delayed.cancel(id, options)
      if (answer === 'not-found') await operator.expectKnown({ group: values.group, topic: values.queue })
      return answer
    })
    const { output } = call
    if (output.isJson) output.json({ id, outcome })
    else if (outcome === 'cancelled') output.line(`${id} is cancelled.`)
    else if (outcome === 'pending') output.line(`${id} will be cancelled when its worker runs.`)
    else output.line(`No task ${id} waits for its time: it has begun, was done or cancelled, or never was.`)
    return outcome !== 'not-found'
  },
}

function filterOf({ queue, group }: { readonly queue?: string | undefined; readonly group?: string | undefined }) {
  return { ...(queue !== undefined && { queue }), ...(group !== undefined && { group }) }
}
