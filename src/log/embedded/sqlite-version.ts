/** The builds of their branches that have the fix; every later one from 3.51.3 on has it as well. */
const fixedBranches: readonly (readonly [minor: number, patch: number])[] = [
  [44, 6],
  [50, 7],
]

/**
 * Whether this SQLite has the fault in which two connections that write and checkpoint one WAL file at the same moment
 * can damage it (https://sqlite.org/wal.html, "the WAL-reset bug"): 3.7.0 to 3.51.2, but for 3.50.7 and 3.44.6.
 */
export function hasWalResetFault(version: string): boolean {
  const [major = 0, minor = 0, patch = 0] = version.split('.').map(Number)
  if (major !== 3) return false
  if (minor > 51 || (minor === 51 && patch >= 3)) return false
  return !fixedBranches.some(([fixedMinor, fixedPatch]) => minor === fixedMinor && patch >= fixedPatch)
}
