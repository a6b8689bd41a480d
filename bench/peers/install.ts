import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'

const folder = import.meta.dirname

/**
 * Installs what benchmarks compare with, the first time that one asks: apart from millrace's own dependencies, so that
 * nobody who builds millrace installs a database's client. Runs no install scripts.
 */
export function installPeers(): void {
  if (existsSync(join(folder, 'node_modules'))) return
  process.stderr.write('installing bench/peers …\n')
  const { status } = spawnSync('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], {
    cwd: folder,
    stdio: ['ignore', 'inherit', 'inherit'],
  })
  if (status !== 0) throw new Error(`npm ci in ${folder} failed.`)
}

/** Loads an installed one. The caller says of what type it is. */
export function loadPeer<Module>(name: string): Module {
  return createRequire(join(folder, 'package.json'))(name)
}
