import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { findLosses, Scenario } from './boundary-scenario.ts'
import { type Call, type Fault, FaultySqlite } from './faulty-sqlite.ts'

/**
 * Every call of SQLite, on the log and on the database, is the one that fails, or the last one before the process dies.
 * Here every so-many-th; `npm run test:long` takes them all.
 */
const isLong = process.env.MILLRACE_LONG === '1'
const seed = Number(process.env.MILLRACE_SEED ?? Math.floor(Math.random() * 2 ** 31))
const stride = isLong ? 1 : 23
/** Which calls are counted, every one by default; and which of them fail, one at a time. */
interface Injection extends Fault {
  readonly only?: RegExp
  readonly stride?: number
  readonly leastCalls?: number
}
const faults: readonly Injection[] = [
  { name: 'full', resultCode: 13, call: 'skipped' },
  { name: 'full', resultCode: 13, call: 'undone' },
  { name: 'busy', resultCode: 5, call: 'skipped' },
  { name: 'an I/O error', resultCode: 10, call: 'skipped' },
  // A read that was carried out is as one that was not: commits alone.
  { name: 'an I/O error', resultCode: 10, call: 'done', only: /^commit/i, stride: 4, leastCalls: 40 },
]

function freshFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-boundary-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** What is lost when somebody goes on with these files. */
async function lossesAfter(folder: string, acknowledged: ReadonlySet<number>): Promise<readonly string[]> {
  const next = new Scenario(folder, { startMs: 60_000, isMended: true })
  try {
    await next.recover()
  } catch (error) {
    await next.stop()
    return [`not recovered: ${error instanceof Error ? error.stack : error}`]
  }
  return findLosses(folder, acknowledged)
}

/** A life whose calls are told, and what it acknowledged. */
async function live(folder: string, before: (call: Call, scenario: Scenario) => Fault | undefined): Promise<Scenario> {
  const scenario = new Scenario(folder, { startMs: 0, isMended: false })
  using _ = new FaultySqlite((call) => before(call, scenario))
  await scenario.live()
  return scenario
}

describe.each(faults)('SQLite meets $name at one call, which is $call', (fault) => {
  it('rows, outputs, held, delayed and dead records are there once after a restart', {
    timeout: isLong ? 1_200_000 : 120_000,
  }, async () => {
    console.info(`seed ${seed}`)
    const { only = /^/, leastCalls = 250 } = fault
    const step = isLong ? 1 : (fault.stride ?? stride)
    for (let failAt = 1 + (seed % step); ; failAt += step) {
      const folder = freshFolder()
      let failed: Call | undefined
      let calls = 0
      const { acknowledged } = await live(folder, (call) => {
        if (!only.test(call.sql) || ++calls !== failAt) return undefined
        failed = call
        return fault
      })
      if (failed === undefined) {
        expect(failAt).toBeGreaterThan(leastCalls)
        break
      }
      expect(await lossesAfter(folder, acknowledged), `call ${failAt}: ${failed.sql}`).toEqual([])
    }
  })
})

it('the process dies between any two commits, on either file, and nothing is lost or doubled', {
  timeout: 120_000,
}, async () => {
  const folder = freshFolder()
  const images: { readonly folder: string; readonly acknowledged: ReadonlySet<number>; readonly call: Call }[] = []
  const whole = await live(folder, (call, { acknowledged }) => {
    if (!/^commit/i.test(call.sql)) return undefined
    const image = freshFolder()
    // By another process: to open and close the files here would drop the locks on them.
    execFileSync('cp', ['-r', `${folder}/.`, image])
    images.push({ folder: image, acknowledged: new Set(acknowledged), call })
    return undefined
  })
  expect(whole.acknowledged.size).toBe(7)
  expect(images.length).toBeGreaterThan(40)
  for (const { folder: image, acknowledged, call } of images) {
    expect(await lossesAfter(image, acknowledged), `before commit ${call.number} of ${call.file}`).toEqual([])
  }
})

it('a redrive that the store did not take is told again after a restart', async () => {
  const folder = freshFolder()
  let reads = 0
  const { acknowledged } = await live(folder, ({ sql }, { isMended }) => {
    const isMark = isMended && /^select key, value from millrace_store/.test(sql)
    return isMark && reads++ === 0 ? faults[3] : undefined
  })
  expect(reads).toBeGreaterThan(0)
  expect(await lossesAfter(folder, acknowledged)).toEqual([])
})
