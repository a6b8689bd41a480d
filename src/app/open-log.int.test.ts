import { writeFileSync } from 'node:fs'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { silentLogger } from '../core/logger.ts'
import { freshFolder } from '../testing/crash-image.test-support.ts'
import { millrace } from './millrace.ts'

afterEach(() => vi.unstubAllEnvs())

describe('a log that cannot be opened where MILLRACE_URL says', () => {
  it.each([
    ['a path that is none', 'folder.txt/log.db', 'LOG_PATH'],
    ['a file that is no log', 'folder.txt', 'NOT_A_LOG'],
  ])('names the variable beside the path: %s', async (_, path, code) => {
    const folder = freshFolder()
    writeFileSync(`${folder}/folder.txt`, 'not a log '.repeat(500))
    const url = `file:${folder}/${path}`
    const given = millrace('given', { url, logger: silentLogger })
    const withoutVariable = { code, message: expect.not.stringContaining('MILLRACE_URL') }
    await expect(given.start()).rejects.toMatchObject(withoutVariable)
    vi.stubEnv('MILLRACE_URL', url)
    const fromVariable = millrace('from-variable', { logger: silentLogger })
    const message = expect.stringMatching(new RegExp(`${folder}/${path}.* \\(MILLRACE_URL is ${url}\\.\\)$`))
    await expect(fromVariable.start()).rejects.toMatchObject({ code, message })
  })
})
