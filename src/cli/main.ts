#!/usr/bin/env node
import { runCommandLine } from './run.ts'

// Whoever reads has seen enough: `millrace tail orders | head`.
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1))
process.exitCode = await runCommandLine(process.argv.slice(2), process)
