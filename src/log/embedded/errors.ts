import { MillraceError, messageOf, StorageUnavailableError } from '../../core/errors.ts'

/**
 * The log is open elsewhere, and cannot be shared: one of the two has a SQLite that can damage a file which two processes
 * write (before 3.51.3), or a Millrace from before several processes could have a log.
 */
export class LogInUseError extends MillraceError {
  readonly code = 'LOG_IN_USE'
  override readonly retryable = true
  /** The process that has the log alone; undefined where it could not be read, or others share it. */
  readonly ownerProcessId: number | undefined
  constructor(path: string, ownerProcessId: number | undefined) {
    const who =
      ownerProcessId === process.pid
        ? `this process (${ownerProcessId})`
        : ownerProcessId === undefined
          ? 'another process'
          : `process ${ownerProcessId}`
    super(
      `The log ${path} is open in ${who} and cannot be shared: several processes can have it only when each runs a Node.js with SQLite 3.51.3 or later (this one has ${process.versions.sqlite}) and this version of Millrace. Close it there, or update both.`,
    )
    this.ownerProcessId = ownerProcessId
  }
}

/** The log's file cannot be made, opened or written where the path says. */
export class LogPathError extends MillraceError {
  readonly code = 'LOG_PATH'
  constructor(path: string, what: string, cause?: unknown) {
    const reason = cause === undefined ? '' : ` (${messageOf(cause)})`
    super(
      `The log ${path} cannot be opened: ${what}${reason}. Give a path to a file in a folder that may be written.`,
      {
        cause,
      },
    )
  }
}

/** The file's folder is on a network file system, whose locks and flushes cannot be relied on. */
export class NetworkFileSystemError extends MillraceError {
  readonly code = 'NETWORK_FILE_SYSTEM'
  constructor(path: string, fileSystem: string) {
    super(`The log ${path} is on a network file system (${fileSystem}): put it on a local disk.`)
  }
}

/** The file is something else: not SQLite's, or another program's. It was not changed. */
export class NotALogError extends MillraceError {
  readonly code = 'NOT_A_LOG'
  constructor(path: string, what: string, cause?: unknown) {
    super(
      `${path} is not a Millrace log: ${what}. It was not changed: give the path of a log, or of a file to create.`,
      {
        cause,
      },
    )
  }
}

/** The file was written by a later version of Millrace. It was not changed. */
export class LogVersionError extends MillraceError {
  readonly code = 'LOG_VERSION'
  constructor(path: string, found: number, known: number) {
    super(`The log ${path} has format version ${found}; this version of Millrace reads ${known}: update Millrace.`)
  }
}

/** SQLite found the file's structure damaged. */
export class LogDamagedError extends MillraceError {
  readonly code = 'LOG_DAMAGED'
  constructor(path: string, cause: unknown) {
    super(
      `The log ${path} is damaged (${messageOf(cause)}). Keep a copy of it with its -wal file, and restore it from a backup.`,
      { cause },
    )
  }
}

/** The bytes of a batch are not what was written, or cannot be read. */
export class DamagedBatchError extends MillraceError {
  readonly code = 'DAMAGED_BATCH'
  readonly topic: string
  readonly partition: number
  /** Of the batch's first record; reading can go on at `nextOffset`. */
  readonly offset: number
  readonly nextOffset: number
  constructor(
    path: string,
    at: { readonly topic: string; readonly partition: number; readonly offset: number; readonly nextOffset: number },
    cause: unknown,
  ) {
    super(
      `The log ${path} is damaged in ${at.topic}/${at.partition}, offsets ${at.offset} to ${at.nextOffset - 1}: ${messageOf(cause)}. ` +
        `Restore the log from a backup, or seek to ${at.nextOffset} and do without these records.`,
      { cause },
    )
    this.topic = at.topic
    this.partition = at.partition
    this.offset = at.offset
    this.nextOffset = at.nextOffset
  }
}

/** There is no room for what was to be written: the disk or the log's bound is full. Nothing of it was written. */
export class LogFullError extends StorageUnavailableError {
  readonly code = 'LOG_FULL'
  constructor(path: string, cause: unknown) {
    super(`The log ${path} is full: nothing was written. Free space on its disk, or raise its bound, and try again.`, {
      cause,
    })
  }
}

/** Another process holds SQLite's write lock on the file, for long. Nothing was written. */
export class LogBusyError extends StorageUnavailableError {
  readonly code = 'LOG_BUSY'
  constructor(path: string, cause: unknown) {
    super(
      `The log ${path} is locked by another process that has its file open: nothing was written. Let that process go on, or end it (millrace doctor says which it is); then try again.`,
      {
        cause,
      },
    )
  }
}

/** The disk gave no answer to a read. Nothing that was committed is lost by it, and the log goes on. */
export class LogUnreadableError extends StorageUnavailableError {
  readonly code = 'LOG_UNREADABLE'
  constructor(path: string, cause: unknown) {
    super(
      `The log ${path} could not be read (${messageOf(cause)}); nothing was changed by it. Try again; if it stays so, check the disk.`,
      { cause },
    )
  }
}

/**
 * The disk failed under the log. Whether what was being committed survives is unknown, and the log takes no more: what
 * is in its file shows when it is opened again.
 */
export class LogFailedError extends MillraceError {
  readonly code = 'LOG_FAILED'
  constructor(path: string, cause: unknown) {
    super(
      `The log ${path} failed (${messageOf(cause)}): whether the last commits survive is unknown. Check the disk, then open the log again.`,
      { cause },
    )
  }
}
