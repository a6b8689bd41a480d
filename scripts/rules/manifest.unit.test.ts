import { describe, expect, it } from 'vitest'
import { dependencyReasons, packageExports } from './manifest.ts'
import { projectOf } from './project.ts'

const rootExports = { '.': './src/index.ts', './package.json': './package.json' }
const queueExport = { './queue': './src/queue/index.ts' }

describe('exports', () => {
  const check = (exports: Record<string, string>, paths: string[]) => {
    const texts = Object.fromEntries(['src/index.ts', ...paths].map((path) => [path, '']))
    const project = projectOf({ ...texts, 'package.json': JSON.stringify({ exports }) })
    return packageExports.check(project).violations.map(({ message }) => message)
  }

  it('lets exports pass that are the public rooms', () => {
    expect(check({ ...rootExports, ...queueExport }, ['src/queue/index.ts', 'src/runtime/index.ts'])).toEqual([])
  })

  it('finds a public room that cannot be imported', () => {
    expect(check(rootExports, ['src/queue/index.ts'])).toEqual(['exports has no "./queue": "./src/queue/index.ts"'])
  })

  it('finds a public room without an index', () => {
    expect(check({ ...rootExports, ...queueExport }, ['src/queue/worker.ts'])).toEqual([
      './src/queue/index.ts does not exist',
    ])
  })

  it('finds an export that is no public room', () => {
    const exports = { ...rootExports, ...queueExport, './runtime': './src/runtime/index.ts' }
    expect(check(exports, ['src/runtime/index.ts'])).toEqual([
      'exports has "./queue", which is no public room',
      'exports has "./runtime", which is no public room',
    ])
  })
})

describe('dependencies', () => {
  const manifest = '{\n"dependencies": {"kysely": "1"},\n"devDependencies": {"zod": "1"}}'
  const check = (document: string) =>
    dependencyReasons
      .check(projectOf({ 'package.json': manifest, 'docs/dependencies.md': document }))
      .violations.map(({ path, line, message }) => `${path}:${line} ${message}`)

  it('lets a list pass that has each of them', () => {
    expect(check('| `kysely` | why |\n| `zod` | why |\n')).toEqual([])
  })

  it('finds one without an entry, and an entry without one', () => {
    expect(check('# Dependencies\n| `kysely` | why |\n| `left-pad` | why |\n')).toEqual([
      'package.json:3 zod has no entry in docs/dependencies.md',
      'docs/dependencies.md:3 left-pad is not in package.json',
    ])
  })
})
