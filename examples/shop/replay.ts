import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { millrace } from 'millrace'
import { createShop, sentMailPathOf } from './app.ts'
import { readFigures } from './replay/figures.ts'
import { placeOrders } from './replay/place-orders.ts'
import { ProgressBar } from './replay/progress-bar.ts'
import { readLines } from './replay/purchases.ts'
import { explain, UsageError } from './terminal.ts'

const usage = 'Usage: npm run replay -- FILE.csv [--rate ORDERS_PER_SECOND] [--json]'
const explanation = `Makes an order of each line of a file of purchases: a file with the columns customer_id,date,quantity,amount.
  --rate   at most so many orders a second
  --json   the figures as one object in the last line
  --help   this text
MILLRACE_URL and DATABASE_URL name the files; each that is not set is a file in a new temporary folder.`

/** `npm run replay`: makes an order of each line of a file of purchases. Exit code 2 when there were lines that are none. */
async function main(): Promise<void> {
  const { isHelp, path, rate, isJson } = readArguments(process.argv.slice(2))
  if (isHelp) return console.log(`${usage}\n${explanation}`)
  const bar = new ProgressBar(process.stderr)
  await using app = millrace('shop-replay', { url: await chooseFiles(), logger: { ...console, info() {}, debug() {} } })
  const shop = createShop(app, { sentMailPath: sentMailPathOf() })
  await app.start()

  const startMs = performance.now()
  let lines = 0
  let skipped = 0
  const orderIds = await placeOrders({
    shop,
    lines: readLines(path),
    rate,
    done: (line, problem) => {
      lines++
      if (problem !== undefined) {
        skipped++
        bar.tell(`Line ${line.number} is skipped: ${problem}`)
      }
      bar.show(line.progress, `${lines.toLocaleString('en')} lines`)
    },
  })
  await app.settled({ timeout: '1h' })

  const figures = await readFigures(shop, orderIds)
  const seconds = (performance.now() - startMs) / 1_000
  for (const [name, figure] of Object.entries(figures))
    console.log(name.padEnd(14), figure.toLocaleString('en').padStart(14))
  console.log(`All of it in ${seconds.toFixed(1)} s.`)
  if (skipped > 0) console.log(`${skipped} of ${lines} lines ${skipped === 1 ? 'was' : 'were'} skipped.`)
  if (isJson) console.log(JSON.stringify(figures))
  if (skipped > 0) process.exitCode = 2
}

function readArguments(args: readonly string[]) {
  const { values, positionals } = parse(args)
  const [path = '', ...more] = positionals
  if (values.help === true) return { isHelp: true, path, rate: undefined, isJson: false }
  if (path === '' || more.length > 0) throw new UsageError(`Give one file. ${usage}`)
  const rate = values.rate === undefined ? undefined : Number(values.rate)
  if (rate !== undefined && !(rate > 0 && rate <= 1_000_000)) {
    throw new UsageError(`--rate is '${values.rate}': give a number above 0. ${usage}`)
  }
  return { isHelp: false, path, rate, isJson: values.json === true }
}

function parse(args: readonly string[]) {
  try {
    const options = {
      rate: { type: 'string' },
      json: { type: 'boolean' },
      help: { type: 'boolean', short: 'h' },
    } as const
    return parseArgs({ args: [...args], options, allowPositionals: true })
  } catch (error) {
    throw new UsageError(`${(error as Error).message}. ${usage}`)
  }
}

/** Log and database where the environment says; each that it does not name is a file in a new temporary folder. */
async function chooseFiles(): Promise<string> {
  const { MILLRACE_URL: url, DATABASE_URL: databaseUrl } = process.env
  if (url && databaseUrl) return url
  const folder = await mkdtemp(join(tmpdir(), 'millrace-replay-'))
  console.log(`The ${url ? 'database is' : databaseUrl ? 'log is' : 'log and the database are'} in ${folder}`)
  if (!databaseUrl) process.env.DATABASE_URL = `file:${join(folder, 'app.db')}`
  return url || `file:${join(folder, 'log.db')}`
}

try {
  await main()
} catch (error) {
  console.error(explain(error))
  process.exitCode = 1
}
