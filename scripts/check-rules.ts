import { join } from 'node:path'
import { exceptions } from './rules/exceptions.ts'
import { readProject } from './rules/project.ts'
import { allRules, checkRules, report } from './rules/rules.ts'

/** `npm run check`: holds the project to its rules. Exit code 1 when any is broken. */
const project = readProject(join(import.meta.dirname, '..'))
const { violations, seen } = checkRules(project, allRules, exceptions)
if (violations.length > 0) {
  console.error(report(violations))
  process.exitCode = 1
} else {
  const imports = seen.get('edges')
  console.log(`rules: ${allRules.length} hold (${project.files.length} files, ${imports} imports)`)
}
