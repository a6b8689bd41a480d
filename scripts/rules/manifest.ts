import { lineAt, type Project, type Rule, type Violation } from './project.ts'
import { rooms } from './rooms.ts'

interface Manifest {
  readonly exports?: Readonly<Record<string, string>>
  readonly dependencies?: Readonly<Record<string, string>>
  readonly devDependencies?: Readonly<Record<string, string>>
}

const packageFile = 'package.json'
const document = 'docs/dependencies.md'

/** The folder of a public room is its import path, and nothing else can be imported. */
export const packageExports: Rule = {
  name: 'exports',
  check(project) {
    const actual = manifestOf(project).exports ?? {}
    const publicRooms = rooms.filter(({ isPublic }) => isPublic).map(({ name }) => name)
    const wanted: Record<string, string> = { '.': './src/index.ts', './package.json': './package.json' }
    for (const name of publicRooms) if (project.has(`src/${name}`)) wanted[`./${name}`] = `./src/${name}/index.ts`
    const violations: Violation[] = []
    const add = (message: string, fix: string) =>
      violations.push({
        path: packageFile,
        line: lineOfText(project, packageFile, '"exports"'),
        rule: 'exports',
        message,
        fix,
      })
    for (const [key, target] of Object.entries(wanted)) {
      if (actual[key] !== target) add(`exports has no "${key}": "${target}"`, 'a public room has its import path')
      if (!project.has(target.slice(2))) add(`${target} does not exist`, 'a public room has an index.ts')
    }
    for (const key of Object.keys(actual))
      if (wanted[key] === undefined)
        add(
          `exports has "${key}", which is no public room`,
          'mark it isPublic in scripts/rules/rooms.ts, or take it out',
        )
    return { seen: Object.keys(actual).length, violations }
  },
}

/** Each dependency is there for a reason that is written down. */
export const dependencyReasons: Rule = {
  name: 'dependencies',
  check(project) {
    const { dependencies, devDependencies } = manifestOf(project)
    const names = Object.keys({ ...dependencies, ...devDependencies })
    const listed = [...(project.textOf(document) ?? '').matchAll(/^\|\s*`([^`]+)`\s*\|/gm)].map(([, name]) => name!)
    const missing = names.filter((name) => !listed.includes(name))
    const gone = listed.filter((name) => !names.includes(name))
    return {
      seen: names.length,
      violations: [
        ...missing.map((name) => ({
          path: packageFile,
          line: lineOfText(project, packageFile, `"${name}":`),
          rule: 'dependencies',
          message: `${name} has no entry in ${document}`,
          fix: 'say there what it is for, why this one, and what it replaces; or do without it',
        })),
        ...gone.map((name) => ({
          path: document,
          line: lineOfText(project, document, `| \`${name}\``),
          rule: 'dependencies',
          message: `${name} is not in ${packageFile}`,
          fix: 'take its entry out',
        })),
      ],
    }
  },
}

function manifestOf(project: Project): Manifest {
  return JSON.parse(project.textOf(packageFile) ?? '{}')
}

function lineOfText(project: Project, path: string, text: string): number {
  const whole = project.textOf(path) ?? ''
  return lineAt(whole, Math.max(0, whole.indexOf(text)))
}
