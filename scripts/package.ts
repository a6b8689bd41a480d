import { execFileSync } from 'node:child_process'
import { copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** What of package.json goes into the package: nothing that only the checkout needs. */
const published = [
  'name',
  'version',
  'description',
  'keywords',
  'license',
  'repository',
  'type',
  'engines',
  'sideEffects',
  'bin',
  'dependencies',
] as const

/** A package.json, as far as the build looks at it. */
export interface Manifest extends Readonly<Partial<Record<(typeof published)[number], unknown>>> {
  readonly exports?: Readonly<Record<string, string>>
  readonly bin?: Readonly<Record<string, string>>
}

/** Makes the package in `out`, a folder that is emptied first: JavaScript, declarations, manifest, README, LICENSE. */
export function buildPackage(root: string, out: string): void {
  rmSync(out, { recursive: true, force: true })
  mkdirSync(out, { recursive: true })
  const compiler = join(root, 'node_modules', 'typescript', 'bin', 'tsc')
  const configuration = join(root, 'tsconfig.build.json')
  execFileSync(process.execPath, [compiler, '-p', configuration, '--outDir', out], { stdio: 'inherit' })
  rewriteDeclarations(out)
  const manifest: Manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  writeFileSync(join(out, 'package.json'), `${JSON.stringify(publishedManifest(manifest), null, 2)}\n`)
  for (const file of ['README.md', 'LICENSE']) copyFileSync(join(root, file), join(out, file))
}

/** The package.json of the package: its exports lead to what was built. */
export function publishedManifest(manifest: Manifest): Record<string, unknown> {
  const kept = Object.fromEntries(published.filter((key) => key in manifest).map((key) => [key, manifest[key]]))
  const exports = Object.entries(manifest.exports ?? {}).map(([path, target]) => [path, builtTarget(target)])
  const bin = Object.entries(manifest.bin ?? {}).map(([name, target]) => [name, builtFile(target, 'js')])
  return { ...kept, exports: Object.fromEntries(exports), ...(bin.length > 0 && { bin: Object.fromEntries(bin) }) }
}

function builtTarget(target: string): unknown {
  const types = builtFile(target, 'd.ts')
  return types === target ? target : { types, default: builtFile(target, 'js') }
}
function builtFile(source: string, ending: 'js' | 'd.ts'): string {
  return source.replace(/^\.\/src\/(.+)\.ts$/, `./$1.${ending}`)
}

/** The compiler rewrites the import endings of JavaScript, not those of declarations. */
function rewriteDeclarations(folder: string): void {
  for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    if (!name.endsWith('.d.ts')) continue
    const path = join(folder, name)
    const text = readFileSync(path, 'utf8')
    writeFileSync(path, text.replace(/((?:from|import)\s*\(?\s*['"])(\.{1,2}\/[^'"]+)\.ts(?=['"])/g, '$1$2.js'))
  }
}
