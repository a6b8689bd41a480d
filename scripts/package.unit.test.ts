import { describe, expect, it } from 'vitest'
import { publishedManifest } from './package.ts'

describe('publishedManifest', () => {
  it('keeps what users need, and leads the exports to what was built', () => {
    const manifest = {
      name: 'millrace',
      version: '1.2.3',
      private: true,
      engines: { node: '>=24' },
      scripts: { test: 'vitest' },
      devDependencies: { zod: '4' },
      dependencies: { kysely: '1' },
      bin: { millrace: './src/cli/main.ts' },
      exports: { '.': './src/index.ts', './queue': './src/queue/index.ts', './package.json': './package.json' },
    }
    expect(publishedManifest(manifest)).toEqual({
      name: 'millrace',
      version: '1.2.3',
      engines: { node: '>=24' },
      dependencies: { kysely: '1' },
      bin: { millrace: './cli/main.js' },
      exports: {
        '.': { types: './index.d.ts', default: './index.js' },
        './queue': { types: './queue/index.d.ts', default: './queue/index.js' },
        './package.json': './package.json',
      },
    })
  })
})
