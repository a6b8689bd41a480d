import { mkdirSync, statSync } from 'node:fs'
import { dirname } from 'node:path'

/**
 * Makes a folder with those above it that are missing. Returns the first that it made, undefined where there was nothing
 * to make; throws the system's error.
 *
 * Level by level: `mkdirSync` with `recursive` asks for ever where a folder's parent is there and takes no folders, as in
 * Linux's /proc (Node 24, measured: one core busy, no end).
 */
export function makeFolders(folder: string): string | undefined {
  const missing: string[] = []
  for (let each = folder; statSync(each, { throwIfNoEntry: false }) === undefined; each = dirname(each)) {
    missing.unshift(each)
    if (each === dirname(each)) break
  }
  for (const each of missing) {
    try {
      mkdirSync(each)
    } catch (error) {
      // Another process may have made it in between.
      if (statSync(each, { throwIfNoEntry: false })?.isDirectory() !== true) throw error
    }
  }
  return missing[0]
}
