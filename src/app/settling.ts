import type { Unsettled } from '../runtime/attachment.ts'
import type { AppHost } from './host.ts'

/** A process that is not ours may make progress unseen: look again after this time. */
const lookAgainMs = 20

/**
 * Everything that is not settled now. Empty only when nothing changed while it looked: otherwise one component could
 * hand work to another that was looked at before.
 */
export async function findUnsettled(
  host: AppHost,
  parts: () => readonly { unsettled(): Promise<readonly Unsettled[]> }[],
): Promise<readonly Unsettled[]> {
  for (;;) {
    const before = host.progress
    const found = (await Promise.all(parts().map((part) => part.unsettled()))).flat()
    if (found.length > 0 || host.progress === before) return found
  }
}

/** Waits until `done`, looking at each progress; false when the deadline comes first. Real time: tests wait too. */
export async function waitUntil(host: AppHost, deadlineMs: number, done: () => Promise<boolean>): Promise<boolean> {
  for (;;) {
    const before = host.progress
    if (await done()) return true
    const restMs = deadlineMs - performance.now()
    if (restMs <= 0) return false
    if (host.progress === before) await host.nextProgress(Math.min(lookAgainMs, restMs))
  }
}
