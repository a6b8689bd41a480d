import { closeSync, fsyncSync, lstatSync, openSync, realpathSync, statfsSync, statSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { makeFolders } from '../../core/folders.ts'
import { LogPathError, NetworkFileSystemError } from './errors.ts'

/** `statfs` types of Linux (linux/magic.h) where locks or flushes are another machine's affair. */
const networkFileSystems = new Map<number, string>([
  [0x6969, 'NFS'],
  [0x517b, 'SMB'],
  [0xfe534d42, 'SMB2'],
  [0xff534d42, 'CIFS'],
  [0x5346414f, 'AFS'],
  [0x6b414653, 'AFS'],
  [0x73757245, 'Coda'],
  [0x564c, 'NCP'],
  [0x00c36400, 'Ceph'],
  [0x0bd00bd0, 'Lustre'],
])

/** Of the file system that a folder is on; undefined where the platform does not say. */
export function fileSystemTypeOf(folder: string): number | undefined {
  if (process.platform !== 'linux') return undefined
  return statfsSync(folder).type >>> 0
}

/** Local ones, by the names that people know. */
const localFileSystems = new Map<number, string>([
  [0xef53, 'ext4'],
  [0x58465342, 'xfs'],
  [0x9123683e, 'btrfs'],
  [0x2fc12fc1, 'zfs'],
  [0xf2f52010, 'f2fs'],
  [0x794c7630, 'overlayfs'],
  [0x01021994, 'tmpfs'],
])

/** Its name, or its number where that is all we know; undefined where the platform does not say. */
export function fileSystemNameOf(folder: string): string | undefined {
  const type = fileSystemTypeOf(folder)
  if (type === undefined) return undefined
  return localFileSystems.get(type) ?? networkFileSystems.get(type) ?? `type 0x${type.toString(16)}`
}

/** A path that exists as far as its folder. */
export interface PreparedPath {
  /** Real and absolute: two names of one file are one. */
  readonly path: string
  /** Makes the names of files in the folder, and the folder's own, durable. */
  syncFolders(): void
}

/** Makes the folder of a log's file. Throws `LogPathError` and `NetworkFileSystemError`. */
export function preparePath(given: string, typeOf: (folder: string) => number | undefined): PreparedPath {
  const { path, firstNewFolder } = realPath(resolve(given))
  const folder = dirname(path)
  const network = networkFileSystems.get(typeOf(folder) ?? -1)
  if (network !== undefined) throw new NetworkFileSystemError(path, network)
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory() === true) throw new LogPathError(path, 'it is a folder')
  return { path, syncFolders: () => syncFolders(folder, dirname(firstNewFolder ?? path)) }
}

function realPath(path: string): { readonly path: string; readonly firstNewFolder: string | undefined } {
  try {
    if (statSync(path, { throwIfNoEntry: false }) !== undefined) {
      return { path: realpathSync(path), firstNewFolder: undefined }
    }
    if (lstatSync(path, { throwIfNoEntry: false }) !== undefined) {
      throw new LogPathError(path, 'it is a link that leads nowhere')
    }
    const made = makeFolders(dirname(path))
    const folder = realpathSync(dirname(path))
    return { path: join(folder, basename(path)), firstNewFolder: made === undefined ? undefined : realpathSync(made) }
  } catch (error) {
    if (error instanceof LogPathError) throw error
    throw new LogPathError(path, 'its file or folder cannot be made or read', error)
  }
}

/** From `folder` up to `last`, where the first new name stands. Windows cannot open folders and needs none of it. */
function syncFolders(folder: string, last: string): void {
  if (process.platform === 'win32') return
  for (let each = folder; ; each = dirname(each)) {
    const descriptor = openSync(each, 'r')
    try {
      fsyncSync(descriptor)
    } finally {
      closeSync(descriptor)
    }
    if (each === last || each === dirname(each)) return
  }
}
