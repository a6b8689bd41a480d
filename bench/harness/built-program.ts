import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { stripTypeScriptTypes } from 'node:module'
import { dirname, join, relative } from 'node:path'
import type { WorkFolder } from './work-folder.ts'

const bench = join(import.meta.dirname, '..')

/**
 * A program of the benchmarks beside the package as users install it, both as JavaScript: what Node takes to strip types,
 * 40 MB of memory, is no part of what is measured. `files` are the program, first, and what it imports of the benchmarks.
 * Returns the path of the built program.
 */
export function buildProgram(folder: WorkFolder, files: readonly string[]): string {
  const root = join(folder.path, 'built')
  const build = join(bench, '..', 'scripts', 'build.ts')
  execFileSync(process.execPath, [build, join(root, 'node_modules', 'millrace')], {
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  writeFileSync(join(root, 'package.json'), '{ "type": "module" }\n')
  const built = files.map((file) => {
    const target = join(root, relative(bench, file)).replace(/\.ts$/, '.js')
    mkdirSync(dirname(target), { recursive: true })
    const script = stripTypeScriptTypes(readFileSync(file, 'utf8')).replace(/(from '\.[^']*)\.ts'/g, "$1.js'")
    writeFileSync(target, script)
    return target
  })
  return built[0]!
}
