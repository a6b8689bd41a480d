/**
 * The embedded engine: the log in one SQLite file, which several processes may have at once, or in memory.
 *
 * What is acknowledged survives the death of the process and a power cut; docs/file-format.md describes the file,
 * docs/adr/001-fsync-off-the-event-loop.md how it is made durable.
 */
import type { Log } from '../log.ts'
import { toOpenError } from './database.ts'
import { EmbeddedLog } from './embedded-log.ts'
import { type EmbeddedLogOptions, resolveOptions } from './options.ts'
import { openStorage } from './storage.ts'

export { diagnoseFromOutside } from './diagnosis-from-outside.ts'
export {
  DamagedBatchError,
  LogBusyError,
  LogDamagedError,
  LogFailedError,
  LogFullError,
  LogInUseError,
  LogPathError,
  LogUnreadableError,
  LogVersionError,
  NetworkFileSystemError,
  NotALogError,
} from './errors.ts'
export type { EmbeddedLogOptions } from './options.ts'

/**
 * Opens a log, and makes it where there is none. Several processes can have a file at once.
 *
 * Throws, having changed nothing: `InvalidOptionsError`, `LogInUseError`, `LogPathError`, `NetworkFileSystemError`,
 * `NotALogError`, `LogVersionError`, `LogDamagedError`, `LogFullError`.
 */
export async function openEmbeddedLog(options: EmbeddedLogOptions): Promise<Log> {
  const resolved = resolveOptions(options)
  const storage = await openStorage(resolved)
  try {
    const log = new EmbeddedLog(storage, resolved)
    // What other processes wrote while it was read is durable before it is shown.
    await storage.sync()
    return log
  } catch (error) {
    await storage.close({ failed: true })
    throw toOpenError(storage.path, error)
  }
}
