import { describeDuration } from '../app/operator/text.ts'

/** `6,919`. */
export function count(value: number): string {
  return value.toLocaleString('en-US')
}

/** `3 records`, `1 record`. */
export function counted(value: number, what: string): string {
  return `${count(value)} ${what}${value === 1 ? '' : 's'}`
}

/** `1.9 MB`: decimal, as disks are sold. */
export function size(bytes: number): string {
  const units = ['bytes', 'kB', 'MB', 'GB', 'TB']
  let value = bytes
  let unit = 0
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1_000
    unit++
  }
  return `${unit > 0 && value < 9.95 ? value.toFixed(1) : Math.round(value)} ${units[unit]}`
}

/** How long it is until an ISO 8601 time: `in 10 s`, `now`. */
export function until(iso: string, nowMs: number): string {
  const waitMs = Date.parse(iso) - nowMs
  return waitMs <= 0 ? 'now' : `in ${describeDuration(waitMs)}`
}

/** What of a topic is kept: `all`, `7 d`, `1.0 GB a partition`, `the last of each key`. */
export function kept({
  compacted,
  retention: { timeMs, bytes },
}: {
  readonly compacted: boolean
  readonly retention: { readonly timeMs?: number; readonly bytes?: number }
}): string {
  const limits = [
    ...(compacted ? ['the last of each key'] : []),
    ...(timeMs === undefined ? [] : [describeDuration(timeMs)]),
    ...(bytes === undefined ? [] : [`${size(bytes)} a partition`]),
  ]
  return limits.length === 0 ? 'all' : limits.join(', ')
}

/** At most so many characters, with an ellipsis where there were more. */
export function cut(text: string, most: number): string {
  return text.length <= most ? text : `${text.slice(0, most - 1)}…`
}
