import { execFile } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { temporaryFolder } from './shop.test-support.ts'

const program = join(import.meta.dirname, 'replay.ts')
const sample = join(import.meta.dirname, '../data/cdnow-sample.csv')
const header = 'customer_id,date,quantity,amount'
const { MILLRACE_URL: _, DATABASE_URL: __, ...inherited } = process.env

interface Run {
  readonly code: number
  readonly output: string
  readonly errors: string
}
/** `npm run replay -- …`, its temporary folder in ours. */
function replay(folder: string, args: readonly string[], environment: NodeJS.ProcessEnv = {}): Promise<Run> {
  return new Promise((resolve) => {
    const env = { ...inherited, TMPDIR: folder, ...environment }
    const child = execFile(process.execPath, [program, ...args], { cwd: folder, env }, (_, output, errors) => {
      resolve({ code: child.exitCode!, output, errors })
    })
  })
}
const lastLine = ({ output }: Run): unknown => JSON.parse(output.trimEnd().split('\n').at(-1)!)
const everything = (count: number) => ({ orders: count, payments: count, reservations: count, notifications: count })

describe('npm run replay', () => {
  it('makes an order of each of 6,919 real purchases', async () => {
    using folder = temporaryFolder()
    const run = await replay(folder.path, [sample, '--json'])
    expect(run.code).toBe(0)
    expect(run.output.trimEnd().split('\n').at(-1)).toBe(
      '{"orders":6919,"users":2357,"quantity":16479,"amount":244091.94,"payments":6919,"reservations":6919,"notifications":6919,"deadLetters":0}',
    )
    expect(run.output).toMatch(/^The log and the database are in .*millrace-replay-/)
    expect(run.output).toMatch(/^amount +244,091\.94$/m)
    expect(run.errors).toMatch(/^100 % {2}6,919 lines$/m)
  })

  it('gives the same figures again, also beside other orders, and with the log alone', async () => {
    using folder = temporaryFolder()
    const lines = readFileSync(sample, 'utf8').split('\n')
    const [small, large] = ['small.csv', 'large.csv'].map((name) => join(folder.path, name))
    writeFileSync(small!, `${lines.slice(0, 101).join('\n')}\n`)
    writeFileSync(large!, lines.slice(0, 151).join('\r\n'))
    const log = { MILLRACE_URL: `file:${join(folder.path, 'log.db')}` }
    const both = { ...log, DATABASE_URL: `file:${join(folder.path, 'app.db')}` }
    expect(lastLine(await replay(folder.path, [large!, '--json'], both))).toMatchObject(everything(150))
    const first = await replay(folder.path, [small!, '--json'], both)
    expect(first).toMatchObject({ code: 0 })
    expect(first.output).not.toContain('millrace-replay-')
    expect(lastLine(first)).toMatchObject(everything(100))
    const fresh = await replay(folder.path, [small!, '--json'], log)
    expect(fresh.output).toContain('The database is in')
    expect(lastLine(fresh)).toEqual(lastLine(first))
  })

  it('names malformed lines, skips them, and exits with 2', async () => {
    using folder = temporaryFolder()
    const file = join(folder.path, 'purchases.csv')
    const lines = [
      header,
      '1,1997-01-01,2,29.33',
      '2,1997-01-01',
      '3,1997-02-30,0,5',
      '',
      '4,1997-01-01,3,10.00',
      '5,1997-01-01,3,0.005',
    ]
    writeFileSync(file, lines.join('\n'))
    const run = await replay(folder.path, [file, '--json'])
    expect(run.code).toBe(2)
    expect(run.errors.match(/^Line \d+/gm)?.toSorted()).toEqual(['Line 3', 'Line 4', 'Line 5', 'Line 7'])
    expect(run.errors).toMatch(/^Line 4 is skipped: date: .*; quantity: /m)
    expect(run.output).toContain('4 of 6 lines were skipped')
    expect(lastLine(run)).toEqual({ users: 2, quantity: 5, amount: 39.33, deadLetters: 0, ...everything(2) })
  })

  it('skips a line whose order is there with other content', async () => {
    using folder = temporaryFolder()
    const urls = {
      MILLRACE_URL: `file:${join(folder.path, 'l.db')}`,
      DATABASE_URL: `file:${join(folder.path, 'd.db')}`,
    }
    const file = join(folder.path, 'purchases.csv')
    writeFileSync(file, `${header}\n1,1997-01-01,1,1\n2,1997-01-01,1,1\n`)
    expect(await replay(folder.path, [file], urls)).toMatchObject({ code: 0 })
    writeFileSync(file, `${header}\n1,1997-01-01,1,2\n2,1997-01-01,1,1\n`)
    const run = await replay(folder.path, [file, '--json'], urls)
    expect(run.code).toBe(2)
    expect(run.errors).toContain('Line 2 is skipped: order cdnow-2 is there with other content (items)')
    expect(lastLine(run)).toMatchObject(everything(1))
  })

  it('keeps to a rate', async () => {
    using folder = temporaryFolder()
    const file = join(folder.path, 'purchases.csv')
    writeFileSync(file, `${header}\n${'1,1997-01-01,1,1\n'.repeat(11)}`)
    const run = await replay(folder.path, [file, '--rate', '20'])
    expect(run.code).toBe(0)
    // The eleventh starts half a second after the first.
    expect(Number(/All of it in ([\d.]+) s/.exec(run.output)![1])).toBeGreaterThanOrEqual(0.5)
  })

  it.each(['--help', '-h'])('tells with %s how it is used, and exits with 0', async (option) => {
    using folder = temporaryFolder()
    const run = await replay(folder.path, [option])
    expect(run.code).toBe(0)
    expect(run.errors).toBe('')
    expect(run.output).toMatch(/^Usage: npm run replay -- FILE\.csv.*\n.*\n.*--rate .*\n.*--json /)
  })

  it.each([
    [[], /^Give one file\. Usage: npm run replay/],
    [['a.csv', 'b.csv'], /^Give one file/],
    [['a.csv', '--rate', '0'], /^--rate is '0': give a number above 0/],
    [['a.csv', '--rate', 'fast'], /^--rate is 'fast'/],
    [['a.csv', '--rate'], /--rate.*Usage/],
    [['a.csv', '--speed', '1'], /--speed.*Usage/],
    [['missing.csv'], /^missing\.csv cannot be read \(ENOENT\)/],
    [['.'], /^\. is a folder/],
    [['/dev/null'], /^\/dev\/null is not a file of purchases: its first line has to be 'customer_id/],
    [[program], /replay\.ts is not a file of purchases/],
  ])('explains %j and exits with 1', async (args, message) => {
    using folder = temporaryFolder()
    const run = await replay(folder.path, args)
    expect(run.code).toBe(1)
    expect(run.errors).toMatch(message)
    expect(run.errors.trimEnd().split('\n')).toHaveLength(1)
  })
})
