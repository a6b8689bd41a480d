import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/** The package's, from its package.json. The command line is two folders below it in the sources, one where it was built. */
export function version(): string {
  for (const up of ['..', '../..']) {
    const manifest = readManifest(join(import.meta.dirname, up, 'package.json'))
    if (manifest?.name === 'millrace' && manifest.version !== undefined) return manifest.version
  }
  return 'unknown'
}

function readManifest(path: string): { readonly name?: string; readonly version?: string } | undefined {
  try {
    return JSON.parse(readFileSync(path, 'utf8'))
  } catch {
    return undefined
  }
}
