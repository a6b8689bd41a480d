/** The patterns: one folder and one import path each. A new pattern is one more name here. */
const patterns = ['pubsub', 'queue', 'cqrs']

/** A part of `src` and the other rooms that it may import. Within a room everything may import everything. */
export interface Room {
  readonly name: string
  /** Files (with an ending) and folders (without) that belong to it; the longest match wins. */
  readonly holds: readonly string[]
  readonly mayImport: readonly string[]
  /** Rooms of which only types may be imported. */
  readonly mayImportTypes?: readonly string[]
  /** Rooms that may only be loaded when they are needed, by `import()`, from one file of this room. */
  readonly mayLoad?: readonly string[]
  /** True for a room that users import as `millrace/<name>`. */
  readonly isPublic?: boolean
}

const engines = ['log/embedded', 'log/kafka']
const port = ['log', 'log/records']

/** Every room of `src`. Edges point one way: what is not listed here is forbidden. */
export const rooms: readonly Room[] = [
  { name: 'core', holds: ['src/core'], mayImport: [] },
  { name: 'topics', holds: ['src/topics'], mayImport: ['core'] },
  {
    name: 'log',
    holds: ['src/log/log.ts', 'src/log/admin.ts', 'src/log/errors.ts'],
    mayImport: ['core'],
    mayImportTypes: ['log/records'],
  },
  { name: 'log/records', holds: ['src/log/records'], mayImport: ['core'] },
  { name: 'log/conformance', holds: ['src/log/conformance'], mayImport: ['core', ...port] },
  ...engines.map((name) => ({ name, holds: [`src/${name}`], mayImport: ['core', ...port] })),
  { name: 'runtime', holds: ['src/runtime'], mayImport: ['core', 'topics', ...port] },
  {
    name: 'sql',
    holds: ['src/sql'],
    mayImport: ['core', 'topics', 'runtime', ...port],
    isPublic: true,
  },
  ...patterns.map((name) => ({
    name,
    holds: [`src/${name}`],
    mayImport: ['core', 'topics', 'runtime', 'sql'],
    isPublic: true,
  })),
  { name: 'app', holds: ['src/app'], mayImport: ['core', 'topics', 'runtime', 'sql', ...port], mayLoad: engines },
  { name: 'testing', holds: ['src/testing'], mayImport: ['app', 'core', 'topics', ...patterns], isPublic: true },
  { name: 'cli', holds: ['src/cli'], mayImport: ['app'] },
  {
    name: 'index',
    holds: ['src/index.ts'],
    mayImport: ['core', 'topics', 'log', 'runtime', 'sql', 'app', ...patterns],
  },
]

/** The room of a file of `src`, or undefined when no room holds it. */
export function roomOf(path: string): Room | undefined {
  const held = rooms.flatMap((room) => room.holds.map((prefix) => ({ room, prefix })))
  return held
    .filter(({ prefix }) => path === prefix || path.startsWith(`${prefix}/`))
    .sort((a, b) => b.prefix.length - a.prefix.length)[0]?.room
}
