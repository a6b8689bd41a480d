import { describe, expect, it } from 'vitest'
import { docComments } from './doc-comments.ts'
import { projectOf } from './project.ts'

const check = (text: string, path = 'src/core/a.ts') =>
  docComments.check(projectOf({ [path]: text })).violations.map(({ line, message }) => `${line} ${message}`)

describe('doc-comments', () => {
  it.each([
    ['export function run() {}', '1 run has no doc comment'],
    ['export class Clock {}', '1 Clock has no doc comment'],
    ['\nexport interface Clock {}', '2 Clock has no doc comment'],
    ['export type Clock = string', '1 Clock has no doc comment'],
    ['export const limit = 3', '1 limit has no doc comment'],
    ['// not a doc comment\nexport const limit = 3', '2 limit has no doc comment'],
    ['/** Of the file. */\n\nexport const limit = 3', '3 limit has no doc comment'],
    ['/** Of another. */\nconst a = 1\nexport const limit = 3', '3 limit has no doc comment'],
  ])('finds %j', (text, message) => {
    expect(check(text)).toEqual([message])
  })

  it('asks for the header of a room', () => {
    expect(check("export { a } from './a.ts'", 'src/queue/index.ts')).toEqual(['1 the room has no header'])
    expect(check("/** Work queues. */\nexport { a } from './a.ts'", 'src/queue/index.ts')).toEqual([])
  })

  it('lets what is documented, re-exported or not exported pass', () => {
    expect(check('/** Runs. */\nexport function run(): void\nexport function run() {}')).toEqual([])
    expect(
      check("export { a } from './a.ts'\nexport * from './b.ts'\nconst c = 1\nexport type { D } from './d.ts'"),
    ).toEqual([])
    expect(check('/**\n * A limit.\n */\nexport const limit = 3')).toEqual([])
    expect(check('export function run() {}', 'src/core/a.unit.test.ts')).toEqual([])
  })
})
