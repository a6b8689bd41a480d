import { type Import, importsOf } from './imports.ts'
import { isTestCode, type Project, type Rule, type SourceFile, type Violation } from './project.ts'
import { type Room, roomOf } from './rooms.ts'

const name = 'edges'

/** Imports go one way between the rooms of `src`, and from outside only through the package's own name. */
export const edges: Rule = {
  name,
  check(project) {
    const violations: Violation[] = []
    const dependencies = dependenciesOf(project)
    const loaders = new Map<string, string>()
    let seen = 0
    for (const source of project.sources) {
      for (const entry of importsOf(source)) {
        seen++
        const fault = faultOf(source, entry, { dependencies, loaders })
        if (fault !== undefined) violations.push({ path: source.path, line: entry.line, rule: name, ...fault })
      }
      if (source.path.startsWith('src/') && !isTestCode(source.path) && roomOf(source.path) === undefined)
        violations.push({ path: source.path, line: 1, rule: name, ...homeless })
    }
    return { seen: project.sources.some(({ path }) => path.startsWith('src/')) ? seen : 0, violations }
  },
}

interface Fault {
  readonly message: string
  readonly fix: string
}

interface Context {
  readonly dependencies: ReadonlySet<string>
  /** The file of each room that loads engines. */
  readonly loaders: Map<string, string>
}

const homeless: Fault = {
  message: 'is in no room of src',
  fix: 'move it into a room, or add its room with its edges to scripts/rules/rooms.ts',
}

function faultOf(source: SourceFile, entry: Import, context: Context): Fault | undefined {
  const top = source.path.split('/', 1)[0] ?? ''
  if (top === 'src') return faultInSource(source, entry, context)
  if (top === 'tests' || entry.target === undefined || entry.target.startsWith(`${top}/`)) return undefined
  // Benchmarks measure the log by itself too, below the public surface.
  if (top === 'bench' && roomOf(entry.target)?.name.startsWith('log') === true) return undefined
  if (top === 'examples' || top === 'bench' || (top === 'scripts' && entry.target.startsWith('src/')))
    return {
      message: `imports ${entry.specifier}, outside of ${top}`,
      fix: 'import the package by its name (millrace, millrace/queue, …), as a user does',
    }
  return undefined
}

function faultInSource(source: SourceFile, entry: Import, context: Context): Fault | undefined {
  const { path } = source
  const from = roomOf(path)
  if (isTestCode(path)) return from?.name === 'core' ? faultOfCoreTest(entry) : undefined
  if (entry.specifier === undefined)
    return { message: 'import() of something that is not a literal', fix: 'write the path out, so that it is checked' }
  if (entry.target === undefined) return faultOfPackage(entry.specifier, context)
  const to = roomOf(entry.target)
  if (from === undefined || from === to) return undefined
  if (to === undefined)
    return { message: `imports ${entry.specifier}, which is in no room of src`, fix: 'import from a room of src' }
  return faultOfEdge({ from, to, entry, path, loaders: context.loaders })
}

interface Edge {
  readonly from: Room
  readonly to: Room
  readonly entry: Import
  readonly path: string
  readonly loaders: Map<string, string>
}

function faultOfEdge({ from, to, entry, path, loaders }: Edge): Fault | undefined {
  if (isTestCode(entry.target ?? '') && to.name !== 'log/conformance')
    return { message: `imports ${entry.specifier}, which is there for tests`, fix: 'move what is shared out of it' }
  if (from.mayImport.includes(to.name)) return undefined
  if (from.mayImportTypes?.includes(to.name)) {
    if (entry.kind === 'type') return undefined
    return { message: `${from.name} imports values from ${to.name}`, fix: 'types only: write `import type`' }
  }
  if (!from.mayLoad?.includes(to.name)) {
    const allowed = [...from.mayImport, ...(from.mayImportTypes ?? []).map((room) => `${room} (types)`)]
    return {
      message: `${from.name} may not import ${to.name} (${entry.specifier})`,
      fix: `${from.name} imports only: ${allowed.join(', ') || 'nothing'}; turn the edge round, or pass the value in`,
    }
  }
  if (entry.kind !== 'dynamic')
    return { message: `${from.name} imports ${to.name} at once`, fix: 'load an engine by `await import()`' }
  const loader = loaders.get(from.name) ?? path
  loaders.set(from.name, loader)
  if (loader === path) return undefined
  return { message: `loads ${to.name}, as ${loader} does`, fix: 'load engines in one file only' }
}

function faultOfCoreTest(entry: Import): Fault | undefined {
  if (entry.target === undefined || roomOf(entry.target)?.name === 'core') return undefined
  return { message: `a test of core imports ${entry.specifier}`, fix: 'test core with core alone' }
}

function faultOfPackage(specifier: string, { dependencies }: Context): Fault | undefined {
  if (specifier.startsWith('node:')) return undefined
  const packageName = specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/')
  if (dependencies.has(packageName)) return undefined
  return {
    message: `imports the package ${packageName}, which is not in dependencies`,
    fix: 'src lives on node: modules, its own files and the dependencies of package.json',
  }
}

function dependenciesOf(project: Project): ReadonlySet<string> {
  const manifest: { dependencies?: Record<string, string> } = JSON.parse(project.textOf('package.json') ?? '{}')
  return new Set(Object.keys(manifest.dependencies ?? {}))
}
