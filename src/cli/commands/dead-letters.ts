import { readFile } from 'node:fs/promises'
import type { DeadLetter, DeadLetterFilter, ToldDeadLetter } from '../../app/dead-letters.ts'
import type { Operator } from '../../app/operator/operator.ts'
import { onOneLine } from '../../app/operator/text.ts'
import { type Command, CommandFailure, readArguments, readWhole, UsageError, withOperator } from '../command.ts'
import { count, counted, cut } from '../format.ts'

/** How long a command waits to hear what became of what it told. */
const wait = '1s'
const which = {
  group: { type: 'string' },
  topic: { type: 'string' },
  fingerprint: { type: 'string' },
} as const
const whichHelp = `  --group     of this group
  --topic     of records that came from this topic
  --fingerprint  of this cause: the same class of error from the same line`

/** `millrace dead-letters list`. */
export const list: Command = {
  name: 'dead-letters list',
  usage: '[--group G] [--topic T] [--fingerprint F] [--all] [--limit N]',
  summary: 'the records that groups gave up, and why',
  help: `${whichHelp}
  --all       those that were redriven or discarded too
  --limit     at most so many, 50 by default`,
  run: async (call) => {
    const { values } = readArguments(call, {
      options: { ...which, all: { type: 'boolean' }, limit: { type: 'string', default: '50' } },
    })
    const limit = readWhole('limit', values.limit, 1)
    const letters = await withOperator(values, async (operator) => {
      const found = await operator.deadLetters.list(filterOf(values))
      if (found.length === 0) await operator.expectKnown(values)
      return found
    })
    const wanted = letters.filter(({ isRedriven, isDiscarded }) => values.all || !(isRedriven || isDiscarded))
    const shown = wanted.slice(0, limit)
    const { output } = call
    if (output.isJson) {
      output.json({ deadLetters: shown, count: wanted.length })
      return true
    }
    if (shown.length === 0) {
      output.line('No dead letters.')
      return true
    }
    output.table(
      [
        { title: 'id' },
        { title: 'group' },
        { title: 'record' },
        { title: 'key' },
        { title: 'attempts', isNumber: true },
        { title: 'fingerprint' },
        { title: 'error' },
        ...(values.all ? [{ title: 'told' }] : []),
      ],
      shown.map((letter) => [
        letter.id,
        letter.group,
        `${letter.topic}/${letter.partition}@${letter.offset}`,
        cut(letter.key ?? '-', 40),
        count(letter.attempts),
        letter.fingerprint,
        cut(`${letter.name}: ${letter.message}`, 80),
        ...(values.all ? [letter.isRedriven ? 'redriven' : letter.isDiscarded ? 'discarded' : '-'] : []),
      ]),
    )
    if (wanted.length > limit) output.line(`${count(wanted.length - limit)} more: --limit ${wanted.length} shows them.`)
    const open = shown.find(({ isRedriven, isDiscarded }) => !(isRedriven || isDiscarded))
    if (open !== undefined) output.line(`Next: millrace dead-letters show ${open.id}, then redrive or discard it.`)
    return true
  },
}

/** `millrace dead-letters show <id>`. */
export const show: Command = {
  name: 'dead-letters show',
  usage: '<id>',
  summary: 'one of them, with its record',
  run: async (call) => {
    const { values, positionals } = readArguments(call, { options: {}, words: ['id'] })
    const id = positionals[0]!
    const letter = await withOperator(values, (operator) => findLetter(operator, id))
    const { output } = call
    if (output.isJson) {
      output.json({ deadLetter: letter })
      return true
    }
    const told = letter.isRedriven
      ? 'it was told to be handled again'
      : letter.isDiscarded
        ? 'it was discarded'
        : 'dead'
    const rows = [
      ['group', letter.group],
      ['record', `${letter.topic}/${letter.partition}@${letter.offset}, id ${letter.recordId}`],
      ['key', letter.key ?? '-'],
      ['error', `${letter.name}: ${letter.message}`],
      ['fingerprint', letter.fingerprint],
      ['attempts', count(letter.attempts)],
      ['failed', `first ${letter.firstFailedAt}, last ${letter.lastFailedAt}`],
      ['state', told],
    ]
    for (const [name, value] of rows) output.line(`${name!.padEnd(11)}  ${onOneLine(value!)}`)
    output.line()
    output.line(letter.value === null ? '(tombstone)' : onOneLine(letter.value))
    return true
  },
}

/** `millrace dead-letters redrive`. */
export const redrive: Command = {
  name: 'dead-letters redrive',
  usage: '<id> [--value FILE] | [--group G] [--topic T] [--fingerprint F] | --all  [--dry-run] [--rate N]',
  summary: 'has them handled again, each at the head of its key',
  help: `${whichHelp}
  --all       every one
  --value     the record is to be this JSON instead, from a file; no schema is checked
  --dry-run   only tells which
  --rate      at most so many a second
Those that were redriven or discarded before are left out. A group that does not run does it when it runs.`,
  run: async (call) => {
    const { values, positionals } = readArguments(call, {
      options: {
        ...which,
        all: { type: 'boolean' },
        value: { type: 'string' },
        'dry-run': { type: 'boolean' },
        rate: { type: 'string' },
      },
      words: ['id?'],
    })
    const filter = chosen(values, positionals[0])
    const perSecond = values.rate === undefined ? undefined : readWhole('rate', values.rate, 1)
    const limit = perSecond === undefined ? {} : { limit: { count: perSecond, every: 1_000 } }
    const dryRun = values['dry-run'] ?? false
    const value = values.value === undefined ? undefined : await readJson(values.value)
    if (value !== undefined && filter.id === undefined) throw new UsageError('--value is for one <id>')
    const told = await withOperator(values, async (operator) => {
      const each =
        value === undefined
          ? await operator.deadLetters.redrive(filter, { dryRun, wait, ...limit })
          : await operator.redriveEdited({ id: filter.id!, value: value.json }, { dryRun, wait })
      if (each.length === 0) await explainNone(operator, filter)
      return each
    })
    if (value !== undefined) call.output.note('No schema was checked: what does not fit is a dead letter again.')
    report(call.output, told, { dryRun, verb: 'redriven' })
    return true
  },
}

/** `millrace dead-letters discard`. */
export const discard: Command = {
  name: 'dead-letters discard',
  usage: '<id> | [--group G] [--topic T] [--fingerprint F] | --all  [--dry-run]',
  summary: 'gives them up for good',
  help: `${whichHelp}
  --all       every one
  --dry-run   only tells which
Records that wait behind one go on.`,
  run: async (call) => {
    const { values, positionals } = readArguments(call, {
      options: { ...which, all: { type: 'boolean' }, 'dry-run': { type: 'boolean' } },
      words: ['id?'],
    })
    const filter = chosen(values, positionals[0])
    const dryRun = values['dry-run'] ?? false
    const told = await withOperator(values, async (operator) => {
      const each = await operator.deadLetters.discard(filter, { dryRun, wait })
      if (each.length === 0) await explainNone(operator, filter)
      return each
    })
    report(call.output, told, { dryRun, verb: 'discarded' })
    return true
  },
}

type Which = { readonly [name in keyof typeof which]?: string | undefined }

function filterOf({ group, topic, fingerprint }: Which): DeadLetterFilter {
  return {
    ...(group !== undefined && { group }),
    ...(topic !== undefined && { topic }),
    ...(fingerprint !== undefined && { fingerprint }),
  }
}

/** Nobody means all of them by saying nothing. */
function chosen(values: Which & { readonly all?: boolean | undefined }, id: string | undefined): DeadLetterFilter {
  const filter = { ...filterOf(values), ...(id !== undefined && { id }) }
  const isNarrow = Object.keys(filter).length > 0
  if (!isNarrow && !values.all) throw new UsageError('say which: an <id>, --fingerprint, --group, --topic or --all')
  if (isNarrow && values.all) throw new UsageError('--all is every one: leave the others out')
  return filter
}

/** Throws where there is none; who gives the id of the record itself is told which one is its. */
async function findLetter(operator: Operator, id: string): Promise<DeadLetter> {
  const [letter] = await operator.deadLetters.list({ id })
  if (letter !== undefined) return letter
  const own = (await operator.deadLetters.list()).filter(({ recordId }) => recordId === id)
  const ids = own.map((each) => each.id).join(', ')
  throw new CommandFailure(
    own.length === 0
      ? `there is no dead letter ${id}: millrace dead-letters list says which there are`
      : `${id} is the id of a record: its dead letter is ${ids}`,
  )
}

/** Why none was told anything, where that is a mistake: names that are not there, one that was told before. */
async function explainNone(operator: Operator, { id, group, topic }: DeadLetterFilter): Promise<void> {
  await operator.expectKnown({ group, topic })
  if (id === undefined) return
  const letter = await findLetter(operator, id)
  if (letter.isRedriven) throw new CommandFailure(`dead letter ${id} was redriven before`)
  if (letter.isDiscarded) throw new CommandFailure(`dead letter ${id} was discarded before`)
  throw new CommandFailure(`dead letter ${id} does not fit what else was asked for`)
}

async function readJson(path: string): Promise<{ readonly json: unknown }> {
  const text = await readFile(path, 'utf8').catch((error: Error) => {
    throw new CommandFailure(`--value is '${path}', which cannot be read: ${error.message}`)
  })
  try {
    return { json: JSON.parse(text) }
  } catch (error) {
    throw new CommandFailure(`${path} is not JSON: ${error instanceof Error ? error.message : error}`)
  }
}

function report(
  output: Parameters<Command['run']>[0]['output'],
  told: readonly ToldDeadLetter[],
  { dryRun, verb }: { readonly dryRun: boolean; readonly verb: string },
): void {
  if (output.isJson) output.json({ dryRun, deadLetters: told })
  else if (told.length === 0) output.line('There is none that fits and was not redriven or discarded before.')
  else if (dryRun) {
    for (const letter of told) {
      const place = `${letter.topic}/${letter.partition}@${letter.offset}`
      output.line(onOneLine(`${letter.id}  ${letter.group}  ${place}  ${cut(`${letter.name}: ${letter.message}`, 80)}`))
    }
    output.line(`${counted(told.length, 'dead letter')} would be ${verb}.`)
  } else {
    const pending = told.filter(({ outcome }) => outcome === 'pending')
    for (const [outcome, own] of Map.groupBy(told, (each) => each.outcome)) {
      if (outcome !== 'pending') output.line(`${counted(own.length, 'dead letter')} ${outcome}.`)
    }
    if (pending.length > 0) {
      const groups = [...new Set(pending.map(({ group }) => group))].join(', ')
      output.line(`${counted(pending.length, 'dead letter')} will be ${verb} when ${groups} runs.`)
    }
  }
}
