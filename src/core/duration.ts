import { MillraceError } from './errors.ts'

/** Milliseconds as a number, or text with a unit: `'250ms'`, `'10s'`, `'5m'`, `'2h'`, `'7d'`. Checked by the compiler. */
export type Duration = number | `${number}${'ms' | 's' | 'm' | 'h' | 'd'}`

/** Text or a number that is not a duration. */
export class InvalidDurationError extends MillraceError {
  readonly code = 'INVALID_DURATION'
  constructor(value: unknown) {
    super(
      `${JSON.stringify(value) ?? String(value)} is not a duration: give milliseconds as a number that is not negative, or text such as '250ms', '10s', '5m', '2h', '7d'; at most a million days`,
    )
  }
}

const unitMs = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const

/** What is due after it is a time that a date can say (they end in the year 275760). */
const longestMs = 1_000_000 * unitMs.d

/** The duration in milliseconds, from 0 to a million days. Throws `InvalidDurationError`. */
export function toMilliseconds(duration: Duration): number {
  const ms = typeof duration === 'number' ? duration : parse(duration)
  if (!(ms >= 0 && ms <= longestMs)) throw new InvalidDurationError(duration)
  return ms
}

/** For people: `710 ms`, `30 s`, `59 min`, `6 h`, `7 d`. */
export function describeDuration(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`
  const seconds = Math.round(ms / 1_000)
  if (seconds < 120) return `${seconds} s`
  if (seconds < 7_200) return `${Math.round(seconds / 60)} min`
  return seconds < 172_800 ? `${Math.round(seconds / 3_600)} h` : `${Math.round(seconds / 86_400)} d`
}

function parse(text: unknown): number {
  const match = typeof text === 'string' ? /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(text) : null
  if (match === null) return Number.NaN
  return Number(match[1]) * unitMs[match[2] as keyof typeof unitMs]
}
