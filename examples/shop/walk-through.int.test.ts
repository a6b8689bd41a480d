import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, expect, it, vi } from 'vitest'
import { callUrl, temporaryFolder } from './shop.test-support.ts'

/** The commands of docs/failures.md against the shop: each gives the answer that stands below it. */
const document = readFileSync(join(import.meta.dirname, '../../docs/failures.md'), 'utf8')
const program = join(import.meta.dirname, 'main.ts')
const { MILLRACE_URL: _, DATABASE_URL: __, ...inherited } = process.env

let shop: ChildProcess | undefined
afterEach(() => shop?.kill('SIGKILL'))

it('the walk-through of docs/failures.md is what happens', { timeout: 30_000 }, async () => {
  using folder = temporaryFolder()
  let url = ''
  const ids = new Map<string, string>()
  const steps = readSteps()
  expect(steps.length).toBeGreaterThan(8)
  for (const { command, answer } of steps) {
    const [, environment = '', isStart] = /^((?:\w+=\w+ )*)(npm start)?/.exec(command)!
    if (isStart) url = await startShop(folder.path, environment)
    else await expectAnswer(url, { command, answer, ids })
  }
})

interface Step {
  readonly command: string
  readonly answer: string
}
function readSteps(): readonly Step[] {
  const section = document.slice(document.indexOf('\n## Try it\n'))
  return [...section.matchAll(/```console\n(.*?)```/gs)].flatMap(([, block]) =>
    block!
      .split(/^\$ /m)
      .slice(1)
      .map((step) => {
        const [command = '', ...answer] = step.split('\n')
        return { command, answer: answer.join('\n') }
      }),
  )
}

async function startShop(folder: string, environment: string): Promise<string> {
  if (shop !== undefined) {
    shop.kill('SIGINT')
    expect(await once(shop, 'exit')).toEqual([0, null])
  }
  const given = Object.fromEntries(
    environment
      .trim()
      .split(' ')
      .map((assignment) => assignment.split('=')),
  )
  const env = { ...inherited, ...given, PORT: '0' }
  shop = spawn(process.execPath, [program], { cwd: folder, env, stdio: ['ignore', 'pipe', 'ignore'] })
  let output = ''
  for await (const chunk of shop.stdout!.iterator({ destroyOnReturn: false })) {
    output += chunk
    const [, url] = /open at (\S+)\n/.exec(output) ?? []
    if (url !== undefined) return url
  }
  return expect.fail(`the shop did not start: ${output}`)
}

/** What happens behind an answer takes its time: what only looks is asked until it fits. */
async function expectAnswer(
  url: string,
  { command, answer, ids }: Step & { readonly ids: Map<string, string> },
): Promise<void> {
  const [, method, body, path] = /^curl(?: -X (\w+))?(?: --json '([^']+)')? localhost:3000(\S+)$/.exec(command) ?? []
  expect(path, command).toBeDefined()
  const line = `${method ?? (body === undefined ? 'GET' : 'POST')} ${withIds(path!, ids)}`
  const isRead = line.startsWith('GET')
  const ask = async () => {
    const call = await callUrl(url, line, body === undefined ? {} : { body: JSON.parse(body) })
    expect(call.status).toBeLessThan(300)
    const [known, real] = [answer, call.text].map((json) => deadLetterId.exec(json)?.[1])
    if (known !== undefined && real !== undefined) ids.set(known, real)
    expect(masked(call.text), command).toEqual(masked(withIds(answer, ids)))
  }
  await (isRead ? vi.waitFor(ask, { timeout: 10_000, interval: 20 }) : ask())
}

const deadLetterId = /"deadLetters":\s*\[\s*\{\s*"id":\s*"([^"]+)"/

function withIds(text: string, ids: ReadonlyMap<string, string>): string {
  return [...ids].reduce((replaced, [known, real]) => replaced.replaceAll(known, real), text)
}

/** The answer without what is another at each time. */
function masked(json: string): unknown {
  const texts = json
    .replace(/"payment-[\w-]{20}"/g, '"<payment>"')
    .replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, '<time>')
    .replace(/("fingerprint":\s*)"[\w-]{12}"/g, '$1"<fingerprint>"')
  return JSON.parse(texts)
}
