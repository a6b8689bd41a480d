import { describe, expect, it } from 'vitest'
import { places } from './places.ts'
import { projectOf } from './project.ts'

const linesOf = (path: string, text: string) =>
  places.check(projectOf({ [path]: text })).violations.map(({ line }) => line)

describe('places', () => {
  it.each([
    ['README.md', 'run it\nin /work/main', 2],
    ['src/core/a.ts', "const at = '/root/.cache'", 1],
    ['examples/a.ts', "const at = '/tmp/log.db'", 1],
    ['docs/a.md', 'see `/home/me/log.db`', 1],
    ['package-lock.json', '{\n"resolved": "https://registry.npmjs.org/zod"}', 2],
    ['.ci/run', 'npm ci --registry https://artifactory.example.com/npm', 1],
    ['.npmrc', 'fund=false\nregistry=http://localhost:4873', 2],
  ])('finds the place in %s: %j', (path, text, line) => {
    expect(linesOf(path, text)).toEqual([line])
  })

  it.each([
    ['src/core/a.unit.test.ts', "const at = '/tmp/log.db'"],
    ['docs/a.md', 'https://example.com/work/it and docs/root/a.md, https://www.npmjs.com/package/kysely'],
    ['docs/a.md', '`POST /tasks`, `/var/lib/millrace`, file:.millrace/log.db'],
  ])('lets this pass in %s: %j', (path, text) => {
    expect(linesOf(path, text)).toEqual([])
  })
})
