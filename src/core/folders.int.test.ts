import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { makeFolders } from './folders.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'millrace-folders-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

describe('makeFolders', () => {
  it('makes all that are missing and tells the first', () => {
    expect(makeFolders(join(folder, 'a', 'b', 'c'))).toBe(join(folder, 'a'))
    expect(existsSync(join(folder, 'a', 'b', 'c'))).toBe(true)
    expect(makeFolders(join(folder, 'a', 'b'))).toBeUndefined()
  })

  it('throws where a file stands in the way', () => {
    writeFileSync(join(folder, 'file'), '')
    expect(() => makeFolders(join(folder, 'file', 'a'))).toThrow(/ENOTDIR/)
  })

  it.runIf(process.platform === 'linux')(
    'ends with an error where no folder can be made: it once went on for ever',
    () => {
      expect(() => makeFolders('/proc/millrace/a')).toThrow(/ENOENT/)
      expect(() => makeFolders('/proc/millrace')).toThrow(/ENOENT/)
    },
  )
})
