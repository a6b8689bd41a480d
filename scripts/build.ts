import { join } from 'node:path'
import { buildPackage } from './package.ts'

/** `npm run build`: makes the package in `dist`, or in the folder that is given. `npm pack ./dist` packs it. */
const root = join(import.meta.dirname, '..')
const out = process.argv[2] ?? join(root, 'dist')
buildPackage(root, out)
console.log(`${out}: built; npm pack packs it`)
