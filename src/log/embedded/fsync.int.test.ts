import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { freshPath } from './engine.test-support.ts'

const child = fileURLToPath(new URL('appending-child.test-support.ts', import.meta.url))
const units = 60
const hasStrace = spawnSync('strace', ['-V']).status === 0

/** One finished system call that matters here, in the order of its end. */
type Call = 'write to the WAL' | 'sync of the WAL' | `acknowledge ${number}`

/** Runs the appending child under strace and returns its calls. */
function trace(path: string, atOnce: number): readonly Call[] {
  const output = `${path}.strace`
  const calls = ['write', 'pwrite64', 'writev', 'pwritev', 'fsync', 'fdatasync']
  const options = ['-f', '-y', '-s', '16', '-e', `trace=${calls.join(',')}`, '-o', output]
  const program = [process.execPath, child, path, String(atOnce), String(units)]
  const { status, stderr } = spawnSync('strace', [...options, ...program], { encoding: 'utf8' })
  expect(status, stderr).toBe(0)
  return parse(readFileSync(output, 'utf8'))
}

/** A call that blocks is printed in two lines with others between: it counts where it ended. */
function parse(text: string): readonly Call[] {
  const unfinished = new Map<string, string>()
  const calls: Call[] = []
  for (const line of text.split('\n')) {
    const [, thread = '', rest = ''] = /^(\d+)\s+(.*)$/.exec(line) ?? []
    const started = /^(.*) <unfinished \.\.\.>$/.exec(rest)
    if (started !== null) {
      unfinished.set(thread, started[1]!)
      continue
    }
    const resumed = /^<\.\.\. \w+ resumed>(.*)$/.exec(rest)
    const call = callOf(resumed === null ? rest : `${unfinished.get(thread) ?? ''}${resumed[1]}`)
    if (call !== undefined) calls.push(call)
  }
  return calls
}

function callOf(line: string): Call | undefined {
  if (/^f(data)?sync\(\d+<[^>]*-wal>\)\s+= 0$/.test(line)) return 'sync of the WAL'
  if (/^p?write(v|64)?\(\d+<[^>]*-wal>/.test(line)) return 'write to the WAL'
  const [, number] = /^write\(1<.*>, "(\d+)\\n"/.exec(line) ?? []
  return number === undefined ? undefined : `acknowledge ${Number(number)}`
}

/** From the write after the acknowledgement before, up to each acknowledgement. */
function stretches(calls: readonly Call[]): readonly (readonly Call[])[] {
  const found: Call[][] = []
  let stretch: Call[] = []
  for (const call of calls) {
    stretch.push(call)
    if (!call.startsWith('acknowledge')) continue
    found.push(stretch)
    stretch = []
  }
  return found
}

// A machine that builds the project has strace; elsewhere it may be missing.
describe.skipIf(!hasStrace && process.env.CI === undefined)('what the system is told before an acknowledgement', () => {
  it('is one sync of the WAL, after the last write to it, when units come one at a time', { timeout: 60_000 }, () => {
    const found = stretches(trace(freshPath(), 1))
    expect(found.map((stretch) => stretch.at(-1))).toEqual(
      Array.from({ length: units }, (_, number) => `acknowledge ${number}`),
    )
    // Before the first one the log and its topics are made, with syncs of their own.
    for (const stretch of found.slice(1)) {
      const written = stretch.lastIndexOf('write to the WAL')
      expect(written, String(stretch)).toBeGreaterThanOrEqual(0)
      expect(stretch.slice(written + 1, -1)).toEqual(['sync of the WAL'])
    }
  })

  it('is a sync of the WAL that covers the unit, when many come at once', { timeout: 60_000 }, () => {
    const calls = trace(freshPath(), 20)
    const acknowledged = calls.filter((call) => call.startsWith('acknowledge'))
    expect(acknowledged).toHaveLength(units)
    const syncs = calls.slice(calls.indexOf(acknowledged[0]!)).filter((call) => call === 'sync of the WAL').length
    expect(syncs).toBeLessThan(units / 2)
    // Nobody is acknowledged while something that was written before is not on disk.
    for (const stretch of stretches(calls)) {
      const written = stretch.lastIndexOf('write to the WAL')
      if (written >= 0) expect(stretch.slice(written)).toContain('sync of the WAL')
    }
  })
})
