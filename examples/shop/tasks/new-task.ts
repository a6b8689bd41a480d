import type { Duration } from 'millrace'
import * as z from 'zod'
import { Id } from '../identifiers.ts'
import { emailTask, imageTask, taskKinds } from './queue.ts'

const longestDelayDays = 36_500
const unitsInADay = { ms: 86_400_000, s: 86_400, m: 1_440, h: 24, d: 1 } as const
const text = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/

const Delay = z.custom<Duration>(
  isDelay,
  `expected milliseconds, or a text such as '250ms', '10s', '5m', '2h' or '7d', of at most ${longestDelayDays} days`,
)
const sending = { id: Id.optional(), delay: Delay.optional() }

/** A task as it is handed in: with an id of the caller's, so that it can be handed in again, and how long it waits. */
export const NewTask = z.discriminatedUnion(
  'task',
  [z.strictObject({ ...emailTask, ...sending }), z.strictObject({ ...imageTask, ...sending })],
  taskKinds,
)
export type NewTask = z.infer<typeof NewTask>

function isDelay(value: unknown): value is Duration {
  const [, count, unit] = typeof value === 'number' ? ['', value, 'ms'] : (text.exec(String(value)) ?? [])
  const days = Number(count) / unitsInADay[unit as keyof typeof unitsInADay]
  return days >= 0 && days <= longestDelayDays
}
