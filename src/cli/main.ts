#!/usr/bin/env node
import { faultOfNode } from './node-version.ts'

const fault = faultOfNode(process.versions.node)
if (fault !== undefined) {
  console.error(fault)
  process.exit(1)
}
// Not before: an older Node.js cannot load it.
const { runCommandLine } = await import('./run.ts')

// Whoever reads has seen enough: `millrace tail orders | head`.
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1))
process.exitCode = await runCommandLine(process.argv.slice(2), process)
