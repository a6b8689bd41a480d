import { join } from 'node:path'
import { buildPackage } from './package.ts'

/** `npm run build`: makes the package in `dist`. `npm pack ./dist` packs it. */
const root = join(import.meta.dirname, '..')
buildPackage(root, join(root, 'dist'))
console.log('dist: built; npm pack ./dist packs it')
