import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'

const root = join(import.meta.dirname, '..')
const folder = mkdtempSync(join(tmpdir(), 'millrace-large-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** A topic of 200 event types and 20 subscribers with a handler for each: 4,000 handlers whose events are inferred. */
function largeProgram(): string {
  const types = Array.from({ length: 200 }, (_, n) => n)
  const members = types.map(
    (n) =>
      `z.object({ type: z.literal('E${n}'), id: z.string(), f${n}: z.number(), list: z.array(z.object({ b${n}: z.number() })) })`,
  )
  const handlers = types.map((n) => `E${n}: (event) => void event.f${n}.toFixed()`).join(', ')
  return [
    "import { topic } from 'millrace'",
    "import { subscriber } from 'millrace/pubsub'",
    "import * as z from 'zod'",
    `const events = topic('events', { schema: z.discriminatedUnion('type', [${members.join(',\n')}]), key: (event) => event.id })`,
    ...Array.from(
      { length: 20 },
      (_, n) => `export const s${n} = subscriber('s${n}', { from: events, on: { ${handlers} } })`,
    ),
  ].join('\n')
}

it('a program of four thousand handlers is checked with little work', () => {
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'))
  writeFileSync(join(folder, 'program.mts'), largeProgram())
  const paths = { millrace: [join(root, 'src/index.ts')], 'millrace/*': [join(root, 'src/*/index.ts')] }
  const compilerOptions = { paths, typeRoots: [join(root, 'node_modules/@types')] }
  writeFileSync(
    join(folder, 'tsconfig.json'),
    JSON.stringify({ extends: join(root, 'tsconfig.json'), compilerOptions, include: ['program.mts'] }),
  )
  const tsc = join(root, 'node_modules/typescript/bin/tsc')
  const output = execFileSync(process.execPath, [tsc, '-p', folder, '--extendedDiagnostics'], { encoding: 'utf8' })
  const instantiations = Number(/^Instantiations:\s+(\d+)/m.exec(output)?.[1])
  // The work, not the time, which depends on the machine: what it took when this was written, and half as much again.
  expect(instantiations).toBeLessThan(1_500_000)
})
