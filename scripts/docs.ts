import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { errorClasses, withErrorTable } from './rules/errors.ts'
import { withIncludes } from './rules/includes.ts'
import { documentsOf } from './rules/links.ts'
import { readProject } from './rules/project.ts'

/** `npm run docs`: writes what the documents take from the sources: included code, and the table of errors. */
const root = join(import.meta.dirname, '..')
const project = readProject(root)
const errorsDocument = 'docs/errors.md'

const documents = new Map(documentsOf(project).map(({ path, text }) => [path, text]))
const texts = new Map([[errorsDocument, ''], ...documents])
for (const [path, old] of texts) {
  const { text, faults } = withIncludes(old, project)
  const updated = path === errorsDocument ? withErrorTable(text, errorClasses(project)) : text
  for (const { message } of faults) {
    console.error(`${path}: ${message}`)
    process.exitCode = 1
  }
  if (updated === documents.get(path)) continue
  writeFileSync(join(root, path), updated)
  console.log(`${path}: written`)
}
