import { MillraceError, messageOf, StorageUnavailableError } from '../core/errors.ts'

/** The folder of a database file cannot be made. */
export class DatabaseFolderError extends MillraceError {
  readonly code = 'DATABASE_FOLDER'
  constructor(path: string, folder: string, cause: unknown) {
    super(
      `The folder ${folder} for the database ${path} cannot be made (${messageOf(cause)}): give another path in DATABASE_URL.`,
      { cause },
    )
  }
}

/** The file cannot be opened or created: its folder is not writable, or it is a folder itself. */
export class DatabaseOpenError extends MillraceError {
  readonly code = 'DATABASE_OPEN'
  constructor(path: string, reason: string, cause?: unknown) {
    super(
      `The database ${path} cannot be opened: ${reason}. Give this process the right to write there, or another path in DATABASE_URL.`,
      cause === undefined ? undefined : { cause },
    )
  }
}

/** The file may be read and not written. */
export class DatabaseReadOnlyError extends MillraceError {
  readonly code = 'DATABASE_READ_ONLY'
  constructor(path: string, cause: unknown) {
    super(
      `The database ${path} cannot be written (${messageOf(cause)}): give this process the right to write the file and its folder.`,
      { cause },
    )
  }
}

/** The file is something else than a SQLite database. */
export class NotADatabaseError extends MillraceError {
  readonly code = 'NOT_A_DATABASE'
  constructor(path: string, cause: unknown) {
    super(`${path} is not a SQLite database: nothing in it was changed. Give another path in DATABASE_URL.`, { cause })
  }
}

/** The file is a log: the user's tables, the outbox and the checkpoints need another. It was not changed. */
export class DatabaseIsLogError extends MillraceError {
  readonly code = 'DATABASE_IS_A_LOG'
  constructor(path: string) {
    super(
      `The database ${path} is a log's file, and that is the log's alone: it was not changed. Give the database another path in DATABASE_URL.`,
    )
  }
}

/** SQLite found the file damaged. */
export class DatabaseDamagedError extends MillraceError {
  readonly code = 'DATABASE_DAMAGED'
  constructor(path: string, cause: unknown) {
    super(
      `The database ${path} is damaged (${messageOf(cause)}): stop the app and restore a copy, or save what can be read with '.recover' of SQLite's shell.`,
      { cause },
    )
  }
}

/** The disk, or the page limit of the database, is full. What was being written was rolled back. */
export class DatabaseFullError extends StorageUnavailableError {
  readonly code = 'DATABASE_FULL'
  constructor(path: string, cause: unknown) {
    super(`There is no space left for the database ${path}: nothing was written. Free some, then try again.`, { cause })
  }
}

/** Another process held the lock for too long. Nothing was written. */
export class DatabaseBusyError extends StorageUnavailableError {
  readonly code = 'DATABASE_BUSY'
  constructor(path: string, waitedMs: number, cause: unknown) {
    super(
      `Another process or connection holds the write lock of the database ${path} for more than ${waitedMs} ms: nothing was written. Look for a long transaction there, or a shell that has one open.`,
      { cause },
    )
  }
}

/** The system could not read or write the file. */
export class DatabaseIoError extends MillraceError {
  readonly code = 'DATABASE_IO'
  constructor(path: string, cause: unknown) {
    super(`The database ${path} could not be read or written (${messageOf(cause)}): check the disk.`, { cause })
  }
}

/** SQLite's primary result code of an error, undefined where it is no error of SQLite. */
export function sqliteCodeOf(error: unknown): number | undefined {
  if (!(error instanceof Error) || !('errcode' in error) || typeof error.errcode !== 'number') return undefined
  return error.errcode & 0xff
}

/** https://www.sqlite.org/rescode.html */
const sqlite = {
  busy: 5,
  locked: 6,
  readOnly: 8,
  io: 10,
  corrupt: 11,
  full: 13,
  cannotOpen: 14,
  notADatabase: 26,
} as const

/** Whether somebody else holds a lock that will be free later. */
export function isLocked(error: unknown): boolean {
  const code = sqliteCodeOf(error)
  return code === sqlite.busy || code === sqlite.locked
}

/** Our error for what went wrong below a statement; the error itself where it is the statement's (a constraint). */
export function storageError(error: unknown, path: string): unknown {
  switch (sqliteCodeOf(error)) {
    case sqlite.readOnly:
      return new DatabaseReadOnlyError(path, error)
    case sqlite.io:
      return new DatabaseIoError(path, error)
    case sqlite.corrupt:
      return new DatabaseDamagedError(path, error)
    case sqlite.full:
      return new DatabaseFullError(path, error)
    case sqlite.cannotOpen:
      return new DatabaseOpenError(path, messageOf(error), error)
    case sqlite.notADatabase:
      return new NotADatabaseError(path, error)
    default:
      return error
  }
}
