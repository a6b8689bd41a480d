import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { Node, SourceFile as Tree } from 'typescript/unstable/ast'
import { createVirtualFileSystem, type FileSystem } from 'typescript/unstable/fs'
import { API } from 'typescript/unstable/sync'

/** A file of the project, its path from the root with forward slashes. The text of a binary file is empty. */
export interface TextFile {
  readonly path: string
  readonly text: string
}

/** A TypeScript file with its syntax tree. */
export interface SourceFile extends TextFile {
  readonly tree: Tree
}

/** What the rules look at: every file that git knows or would add, and the trees of the TypeScript ones. */
export interface Project {
  readonly files: readonly TextFile[]
  readonly sources: readonly SourceFile[]
  /** True for a file, and for a folder that has one. A slash at the end is ignored. */
  has(path: string): boolean
  textOf(path: string): string | undefined
}

/** One thing that breaks a rule; `fix` says what to do about it. */
export interface Violation {
  readonly path: string
  readonly line: number
  readonly rule: string
  readonly message: string
  readonly fix: string
}

/** What a rule found, and how many things it looked at: a rule that saw nothing is broken, not satisfied. */
export interface Finding {
  readonly seen: number
  readonly violations: readonly Violation[]
}

/** A rule of the project. Its name is what the exceptions are keyed by. */
export interface Rule {
  readonly name: string
  check(project: Project): Finding
}

/** Reads the project at `root` from disk: tracked files and new ones that are not ignored. */
export function readProject(root: string): Project {
  const listed = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', '-z'], {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 64 * 2 ** 20,
  })
  const texts: Record<string, string> = {}
  for (const path of new Set(listed.split('\0'))) {
    const absolute = join(root, path)
    if (path !== '' && existsSync(absolute) && statSync(absolute).isFile()) texts[path] = readText(absolute)
  }
  return projectOf(texts)
}

/** A project of files given by path and text. */
export function projectOf(texts: Readonly<Record<string, string>>): Project {
  const files = Object.entries(texts)
    .map(([path, text]) => ({ path, text }))
    .sort((a, b) => (a.path < b.path ? -1 : 1))
  const paths = new Set<string>()
  for (const { path } of files) {
    const parts = path.split('/')
    for (let depth = 1; depth <= parts.length; depth++) paths.add(parts.slice(0, depth).join('/'))
  }
  return {
    files,
    sources: parse(files.filter(({ path }) => /\.[cm]?ts$/.test(path))),
    has: (path) => paths.has(path.replace(/\/$/, '')),
    textOf: (path) => texts[path],
  }
}

/** Tests and what only they use: these may import from any room and may be longer. */
export function isTestCode(path: string): boolean {
  return /\.(test|test-support|types)\.ts$/.test(path) || /^(tests|src\/log\/conformance)\//.test(path)
}

/** The line of a position in a text, from 1. */
export function lineAt(text: string, position: number): number {
  let line = 1
  for (let at = text.indexOf('\n'); at !== -1 && at < position; at = text.indexOf('\n', at + 1)) line++
  return line
}

/** The line on which a node starts, its comments not counted, from 1. */
export function lineOf(source: SourceFile, node: Node): number {
  return lineAt(source.text, node.getStart(source.tree))
}

/** Calls `visit` with every node below `node`, parents first. */
export function walk(node: Node, visit: (node: Node) => void): void {
  node.forEachChild((child) => {
    visit(child)
    walk(child, visit)
  })
}

/** The compiler of this process, started at its first use; it ends with the process. */
let compiler: API | undefined
let virtualFiles: FileSystem = {}
let parseCount = 0

/** Trees only: imports are not followed and no library is loaded, so this takes milliseconds. */
function parse(files: readonly TextFile[]): SourceFile[] {
  if (files.length === 0) return []
  const config = {
    compilerOptions: { noLib: true, noResolve: true, types: [], allowImportingTsExtensions: true, noEmit: true },
    files: files.map(({ path }) => path),
  }
  // A root of its own for each call: the compiler keeps what it has read.
  const root = `/project-${parseCount++}/`
  const configPath = `${root}tsconfig.json`
  const contents = Object.fromEntries(files.map(({ path, text }) => [root + path, text]))
  virtualFiles = createVirtualFileSystem({ ...contents, [configPath]: JSON.stringify(config) })
  compiler ??= new API({ cwd: '/', fs: forwarding(() => virtualFiles) })
  using snapshot = compiler.updateSnapshot({ openProjects: [configPath] })
  const program = snapshot.getProject(configPath)?.program
  return files.map((file) => {
    const tree = program?.getSourceFile(root + file.path)
    if (tree === undefined) throw new Error(`${file.path}: TypeScript gave no syntax tree`)
    return { ...file, tree }
  })
}

/** A file system that asks whatever file system is the present one. */
function forwarding(present: () => FileSystem): FileSystem {
  return {
    readFile: (path) => present().readFile?.(path),
    fileExists: (path) => present().fileExists?.(path),
    directoryExists: (path) => present().directoryExists?.(path),
    getAccessibleEntries: (path) => present().getAccessibleEntries?.(path),
    realpath: (path) => present().realpath?.(path),
  }
}

function readText(path: string): string {
  const bytes = readFileSync(path)
  return bytes.subarray(0, 8_000).includes(0) ? '' : bytes.toString('utf8')
}
