import { describe, expect, it } from 'vitest'
import { docsPaths } from './links.ts'
import { projectOf } from './project.ts'

const files = {
  'package.json': '{"scripts":{"bench":"node bench/main.ts","test":"vitest"}}',
  'docs/guide.md': '# Guide\n\n## What `close()` waits for\n\n## Twice\n\n## Twice\n',
  'src/core/clock.ts': '',
}
const check = (text: string, path = 'README.md') =>
  docsPaths.check(projectOf({ ...files, [path]: text })).violations.map(({ line, message }) => `${line} ${message}`)

describe('docs-paths', () => {
  it.each([
    ['\n[a](docs/missing.md)', '2 the link docs/missing.md leads nowhere'],
    ['[a]: docs/missing.md', '1 the link docs/missing.md leads nowhere'],
    ['[a](docs/guide.md#nothing)', '1 the link docs/guide.md#nothing leads to no heading'],
    ['[a](#nothing)', '1 the link #nothing leads to no heading'],
    ['see `src/core/time.ts`', '1 names src/core/time.ts, which does not exist'],
    ['```sh\nnode examples/first.ts\n```', '2 names examples/first.ts, which does not exist'],
    ['run `npm run replay -- FILE`', '1 names npm run replay'],
    ['run npm start', '1 names npm start'],
  ])('finds %j', (text, message) => {
    expect(check(text)).toContain(message)
  })

  it('resolves a link from the document that has it', () => {
    expect(check('[a](clock.ts)', 'docs/deep/a.md')).toEqual(['1 the link clock.ts leads nowhere'])
    expect(check('[a](../../src/core/clock.ts)', 'docs/deep/a.md')).toEqual([])
  })

  it.each([
    '[a](docs/guide.md), [b](docs/guide.md#what-close-waits-for), [c](docs/guide.md#twice-1), [d](docs/)',
    '[a](https://example.com/src/none.ts) and mailto:a@example.com',
    'see `src/core/clock.ts`, src/core and src/<room>/index.ts, src/**/*.ts, ../other/src/none.ts.',
    'npm ci && npm test && npm run bench -- embedded',
  ])('lets %j pass', (text) => {
    expect(check(text)).toEqual([])
  })
})
