import type { MemberDescription } from '../../admin.ts'
import type { GroupCommit, GroupOptions, Member } from '../../log.ts'

/** The groups of a log: of one process in memory, or of all that share its file. */
export interface Groups {
  /** As `Log.join`. */
  join(options: GroupOptions): Promise<Member>
  /** Throws `FencedError` when a lease that the commit names is not the member's any more. */
  checkFence(commit: GroupCommit): void
  /** Members by group, for people. */
  describe(): ReadonlyMap<string, readonly MemberDescription[]>
  /** Every member leaves, revokes awaited; nobody joins any more. */
  close(): Promise<void>
  /** The log failed: all memberships end at once. */
  fail(error: Error): void
}
