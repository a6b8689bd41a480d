import { randomUUID } from 'node:crypto'
import { type Clock, systemClock } from '../../core/clock.ts'
import { FaultList } from '../../core/faults.ts'
import type { NewId } from '../../core/ids.ts'
import { type Logger, silentLogger } from '../../core/logger.ts'
import type { CleaningOptions } from './cleaning/cleaner.ts'
import { type OpenDatabase, openSqlite } from './database.ts'
import { fileSystemTypeOf } from './file-system.ts'

/** What is absent has its default. */
export interface CheckpointOptions {
  /** A WAL that grew beyond it is cut to it when it begins again, and is worth a warning while it cannot. 64 MiB. */
  readonly walBytesLimit?: number
  /** While an fsync takes at least so long, a thread does the checkpoints, in milliseconds. 1 by default. */
  readonly inlineLimitMs?: number
}

/** A path or `memory`; the rest is for tests and has defaults. */
export interface EmbeddedLogOptions {
  /** The log's file, made with its folder where there is none. docs/file-format.md says what stands beside it. */
  readonly path?: string
  /** In place of `path`: no file, nothing outlives the log. */
  readonly memory?: boolean
  /** Nothing is said by default. */
  readonly logger?: Logger
  /** Ids of the log, of topics and of members. UUIDs by default. */
  readonly ids?: NewId
  /** The file's bound in pages of 4,096 bytes; a commit beyond it fails with `LogFullError`. None by default. */
  readonly maxPageCount?: number
  /** Bound of the newest batches that are kept in memory for consumers that have caught up. 8 MiB by default. */
  readonly tailCacheBytes?: number
  /**
   * How long a process with members may give no sign of life before its partitions move to others, in milliseconds.
   * 10,000 by default, 500 at least. A process that died is seen at once. (Kafka: `session.timeout.ms`.)
   */
  readonly sessionTimeoutMs?: number
  /** For tests: after each stored batch that many offsets are left out, as Kafka's markers do. 0 by default. */
  readonly offsetGap?: number
  /** When retention and compaction are due. The machine's clock by default. */
  readonly clock?: Clock
  /** How retention and compaction are done. */
  readonly cleaning?: CleaningOptions
  /** When the WAL is moved into the file, and how. */
  readonly checkpoints?: CheckpointOptions
  /** Opens SQLite files; tests inject faults by it. */
  readonly openDatabase?: OpenDatabase
  /** Type number of a folder's file system (Linux's `statfs`), undefined where it is unknown. */
  readonly fileSystemTypeOf?: (folder: string) => number | undefined
  /** Of the SQLite library: builds with a known fault are warned of. The one in use by default. */
  readonly sqliteVersion?: string
}

/** The options with their defaults. */
export interface ResolvedOptions extends Required<Omit<EmbeddedLogOptions, 'path' | 'memory' | 'maxPageCount'>> {
  /** Undefined for a log in memory. */
  readonly path: string | undefined
  readonly maxPageCount: number | undefined
}

/** Fills in the defaults. Throws `InvalidOptionsError` with every fault. */
export function resolveOptions(options: EmbeddedLogOptions): ResolvedOptions {
  const { path, memory = false, maxPageCount } = options
  const { tailCacheBytes = 8 * 1024 * 1024, offsetGap = 0, sessionTimeoutMs = 10_000 } = options
  const faults = new FaultList()
  faults.expect(memory || (typeof path === 'string' && path !== ''), 'path', 'give the path of a file, or memory: true')
  faults.expect(!memory || path === undefined, 'memory', 'a log in memory has no path: give one of the two')
  faults.expect(
    maxPageCount === undefined || isCount(maxPageCount, 1),
    'maxPageCount',
    'expected a whole number from 1',
  )
  faults.expect(isCount(tailCacheBytes, 0), 'tailCacheBytes', 'expected a whole number of bytes from 0')
  faults.expect(isCount(offsetGap, 0), 'offsetGap', 'expected a whole number from 0')
  faults.expect(isCount(sessionTimeoutMs, 500), 'sessionTimeoutMs', 'expected a whole number of milliseconds from 500')
  faults.throwIfAny('The log cannot be opened')
  return {
    path: memory ? undefined : path,
    maxPageCount,
    tailCacheBytes,
    offsetGap,
    clock: options.clock ?? systemClock(),
    cleaning: options.cleaning ?? {},
    checkpoints: options.checkpoints ?? {},
    sessionTimeoutMs,
    logger: options.logger ?? silentLogger,
    ids: options.ids ?? randomUUID,
    openDatabase: options.openDatabase ?? openSqlite,
    fileSystemTypeOf: options.fileSystemTypeOf ?? fileSystemTypeOf,
    sqliteVersion: options.sqliteVersion ?? process.versions.sqlite ?? '',
  }
}

function isCount(value: number, least: number): boolean {
  return Number.isSafeInteger(value) && value >= least
}
