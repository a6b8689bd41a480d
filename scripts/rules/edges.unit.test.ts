import { describe, expect, it } from 'vitest'
import { edges } from './edges.ts'
import { projectOf } from './project.ts'

const manifest = { 'package.json': '{"dependencies":{"kysely":"1.0.0"}}' }
const messagesOf = (texts: Record<string, string>) =>
  edges.check(projectOf({ ...manifest, ...texts })).violations.map(({ path, message }) => `${path}: ${message}`)

describe('edges', () => {
  it.each([
    ['src/core/a.ts', '../topics/topic.ts', 'core may not import topics'],
    ['src/topics/a.ts', '../runtime/task.ts', 'topics may not import runtime'],
    ['src/log/log.ts', './embedded/engine.ts', 'log may not import log/embedded'],
    ['src/log/records/codec.ts', '../log.ts', 'log/records may not import log'],
    ['src/log/embedded/engine.ts', '../../runtime/task.ts', 'log/embedded may not import runtime'],
    ['src/runtime/a.ts', '../sql/home.ts', 'runtime may not import sql'],
    ['src/runtime/a.ts', '../log/embedded/engine.ts', 'runtime may not import log/embedded'],
    ['src/queue/a.ts', '../pubsub/index.ts', 'queue may not import pubsub'],
    ['src/app/a.ts', '../queue/index.ts', 'app may not import queue'],
    ['src/app/a.ts', '../log/embedded/index.ts', 'app imports log/embedded at once'],
    ['src/core/a.unit.test.ts', '../topics/topic.ts', 'a test of core imports ../topics/topic.ts'],
    ['examples/patterns/a.ts', '../../src/index.ts', 'imports ../../src/index.ts, outside of examples'],
    ['bench/a.ts', '../src/index.ts', 'imports ../src/index.ts, outside of bench'],
    ['src/core/a.ts', 'zod', 'imports the package zod, which is not in dependencies'],
    ['src/core/a.ts', '../stray.ts', 'imports ../stray.ts, which is in no room of src'],
    ['src/queue/a.ts', '../sql/database.test-support.ts', 'imports ../sql/database.test-support.ts, which is there'],
  ])('finds that %s imports %s', (path, specifier, message) => {
    const found = messagesOf({ [path]: `import { a } from '${specifier}'\n` })
    expect(found).toHaveLength(1)
    expect(found[0]).toContain(message)
  })

  it.each([
    "export { a } from '../queue/index.ts'",
    "export * from '../queue/index.ts'",
    "import type { A } from '../queue/index.ts'",
    "type A = import('../queue/index.ts').A",
    "const a = await import('../queue/index.ts')",
    "import '../queue/index.ts'",
  ])('sees an import however it is written: %s', (text) => {
    expect(messagesOf({ 'src/core/a.ts': text })).toHaveLength(1)
  })

  it('lets the allowed edges pass', () => {
    const found = messagesOf({
      'src/log/log.ts': "import type { Batch } from './records/batch.ts'",
      'src/log/embedded/engine.ts': "import { open } from '../log.ts'\nimport { crc } from '../records/crc.ts'",
      'src/sql/home.ts': "import type { Log } from '../log/log.ts'\nimport { sql } from 'kysely'",
      'src/queue/worker.ts': "import { task } from '../runtime/task.ts'\nimport { readFile } from 'node:fs/promises'",
      'src/queue/worker.unit.test.ts': "import { it } from 'vitest'\nimport { app } from '../app/app.ts'",
      'src/app/engines.ts': "const open = () => import('../log/embedded/index.ts')",
      'examples/first.ts': "import { millrace } from 'millrace'\nimport { worker } from 'millrace/queue'",
    })
    expect(found).toEqual([])
  })

  it('asks for a type import where only types may be used', () => {
    expect(messagesOf({ 'src/log/log.ts': "import { BatchWriter } from './records/batch-writer.ts'" })).toEqual([
      'src/log/log.ts: log imports values from log/records',
    ])
    expect(messagesOf({ 'src/log/log.ts': "import { type Bytes } from './records/batch-writer.ts'" })).toEqual([])
  })

  it('lets one file of app load the engines, and no second one', () => {
    const load = "const open = () => import('../log/embedded/index.ts')"
    expect(messagesOf({ 'src/app/engines.ts': load, 'src/app/other.ts': load })).toEqual([
      'src/app/other.ts: loads log/embedded, as src/app/engines.ts does',
    ])
  })

  it('refuses an import() that it cannot read', () => {
    expect(messagesOf({ 'src/app/a.ts': 'const open = (url: string) => import(url)' })).toHaveLength(1)
  })

  it('refuses a file of src that is in no room', () => {
    expect(messagesOf({ 'src/helpers/a.ts': 'export {}' })).toEqual(['src/helpers/a.ts: is in no room of src'])
  })

  it('saw nothing when there is no file of src', () => {
    expect(edges.check(projectOf({ 'examples/a.ts': "import 'millrace'" })).seen).toBe(0)
  })
})
