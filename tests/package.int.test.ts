import { execFile } from 'node:child_process'
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { buildPackage } from '../scripts/package.ts'

/**
 * The package as users get it: built, packed, installed from the tarball into an empty project, without the network.
 * The same programs run in the checkout, where `millrace` is the package's own name for its sources.
 */
const root = join(import.meta.dirname, '..')
const run = promisify(execFile)
const readmeProgram = 'examples/first.ts'
const readmeOutput = 'taking 249.97 for order-1'

let folder: string
let project: string
let tarball: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-package-'))
  project = join(folder, 'project')
  await mkdir(project)
  const out = join(folder, 'dist')
  buildPackage(root, out)
  const { stdout } = await run('npm', ['pack', out, '--pack-destination', folder, '--silent'])
  tarball = join(folder, stdout.trim())
  const ofCheckout = (name: string) => `file:${join(root, 'node_modules', name)}`
  const manifest = {
    type: 'module',
    dependencies: {
      millrace: `file:${tarball}`,
      ...Object.fromEntries(['kysely', 'zod', '@types/node', 'undici-types'].map((name) => [name, ofCheckout(name)])),
    },
  }
  await writeFile(join(project, 'package.json'), JSON.stringify(manifest))
  const quiet = ['--offline', '--ignore-scripts', '--no-audit', '--no-fund', '--no-package-lock']
  await run('npm', ['install', ...quiet], { cwd: project })
}, 120_000)

afterAll(() => rm(folder, { recursive: true, force: true }))

describe('the package', () => {
  it('holds JavaScript, declarations, README and LICENSE, and nothing that is there for tests', async () => {
    const installed = join(project, 'node_modules', 'millrace')
    const files = await readdir(installed, { recursive: true })
    expect(files).toEqual(expect.arrayContaining(['package.json', 'README.md', 'LICENSE', 'index.js', 'index.d.ts']))
    expect(files.filter((file) => /\.test\.|test-support|\.types\.|conformance|(?<!\.d)\.ts$/.test(file))).toEqual([])
    const manifest = JSON.parse(await readFile(join(installed, 'package.json'), 'utf8'))
    expect(manifest).toMatchObject({ name: 'millrace', type: 'module', license: 'Apache-2.0' })
    expect(Object.keys(manifest).filter((key) => /^(private|scripts|devDependencies)$/.test(key))).toEqual([])
  })

  it('has a manifest that leads every tool to every file: publint finds nothing, not even a suggestion', async () => {
    const publint = join(root, 'node_modules', 'publint', 'src', 'cli.js')
    const { stdout } = await run(process.execPath, [publint, 'run', join(folder, 'dist'), '--strict', '--pack', 'npm'])
    expect(stdout).toContain('All good!')
  })

  it('has types where each import path has code, in Node and in bundlers', async () => {
    const attw = join(root, 'node_modules', '@arethetypeswrong', 'cli', 'dist', 'index.js')
    const options = ['--profile', 'esm-only', '--format', 'json']
    const { stdout } = await run(process.execPath, [attw, tarball, ...options], { maxBuffer: 1 << 26 })
    const { analysis }: { analysis: { entrypoints: object } } = JSON.parse(stdout)
    const paths = (await importPaths()).map((path) => path.replace('millrace', '.'))
    expect(Object.keys(analysis.entrypoints).toSorted()).toEqual([...paths, './package.json'].toSorted())
  })

  it('can be imported by each of its paths', async () => {
    const paths = await importPaths()
    await writeFile(join(project, 'paths.ts'), programOf(paths))
    expect(await outputOf(join(project, 'paths.ts'))).toBe(outputOfPaths(paths))
  })

  it('has declarations that a strict project compiles with', async () => {
    const program = (await importPaths()).map((path, index) => `export * as room${index} from '${path}'\n`).join('')
    await writeFile(join(project, 'declarations.ts'), program)
    const strict = ['--strict', '--noEmit', '--module', 'nodenext', '--target', 'es2024', '--types', 'node']
    const compiler = join(root, 'node_modules', 'typescript', 'bin', 'tsc')
    const libraries = ['--lib', 'es2024,esnext.disposable']
    await run(process.execPath, [compiler, ...strict, ...libraries, 'declarations.ts'], { cwd: project })
  })

  it('brings millrace for the command line', async () => {
    const command = join(project, 'node_modules', '.bin', 'millrace')
    const { stdout } = await run(command, ['--help'])
    expect(stdout).toContain('millrace <command> [options]')
    const typo = run(command, ['topics', '--url', 'file:typo.db'], { cwd: project })
    await expect(typo).rejects.toMatchObject({ code: 1, stderr: expect.stringContaining('There is no log at') })
  })

  it('runs the first program of the README', async () => {
    await copyFile(join(root, readmeProgram), join(project, 'first.ts'))
    expect(await outputOf(join(project, 'first.ts'))).toContain(readmeOutput)
  })
})

describe('the checkout', () => {
  it('finds the package by its name', async () => {
    const paths = await importPaths()
    // A program of the checkout is one whose folder is below its package.json: only there the name means the sources.
    const program = join(root, 'reports', `paths-${process.pid}.ts`)
    await mkdir(join(root, 'reports'), { recursive: true })
    await writeFile(program, programOf(paths))
    try {
      expect(await outputOf(program)).toBe(outputOfPaths(paths))
    } finally {
      await rm(program)
    }
  })

  it('runs the first program of the README', async () => {
    expect(await outputOf(join(root, readmeProgram))).toContain(readmeOutput)
  })
})

/** `millrace`, `millrace/queue` and so on, as package.json says. */
async function importPaths(): Promise<string[]> {
  const manifest: { exports: Record<string, string> } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'))
  return Object.keys(manifest.exports)
    .filter((path) => !path.endsWith('.json'))
    .map((path) => `millrace${path.slice(1)}`)
}

function programOf(paths: readonly string[]): string {
  const imports = paths.map((path, index) => `import * as room${index} from '${path}'\n`)
  const lines = paths.map((path, index) => `console.log('${path}', Object.keys(room${index}).length > 0)\n`)
  return [...imports, ...lines].join('')
}

function outputOfPaths(paths: readonly string[]): string {
  return paths.map((path) => `${path} true\n`).join('')
}

/** What a program prints, run by this Node in a folder of its own, on its own log. */
async function outputOf(program: string): Promise<string> {
  const cwd = await mkdtemp(join(folder, 'run-'))
  const { MILLRACE_URL: _log, DATABASE_URL: _database, ...env } = process.env
  const { stdout } = await run(process.execPath, [program], { cwd, env })
  return stdout
}
