/** Apps on files, and what a killed process would have left of them. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { millrace } from '../app/millrace.ts'
import type { MillraceApp } from '../app/millrace-app.ts'
import type { App, AppOptions } from '../app/types.ts'
import { silentLogger } from '../core/logger.ts'

/** A folder of this test alone, removed at its end. */
export function freshFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** An app on `log.db` in a folder, with the machine's clock. */
export function fileApp(folder: string, options: AppOptions = {}): App {
  return millrace('test', { url: `file:${folder}/log.db`, logger: silentLogger, ...options })
}

/** The database `app.db` in a folder, as a URL. */
export const databaseUrl = (folder: string) => `file:${folder}/app.db`

/**
 * The files as they are now, in a folder of their own: what would be left if the process were killed at this moment.
 * Copied by another process: opening them here and closing them would drop this process's locks on them.
 */
export function crashImage(folder: string): string {
  const image = freshFolder()
  execFileSync('cp', ['-r', `${folder}/.`, image])
  return image
}

/** Waits until everything that is left waits for its time alone. */
export async function quiet(app: MillraceApp): Promise<void> {
  await app.waitUntil(performance.now() + 5_000, async () => {
    return (await app.unsettled()).every(({ dueMs }) => dueMs !== undefined)
  })
}
