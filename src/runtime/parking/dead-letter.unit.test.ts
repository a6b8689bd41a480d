import { describe, expect, it, vi } from 'vitest'
import { fingerprintOf } from './dead-letter.ts'

/** An error as it comes from a handler that is deployed in `folder`. */
function failure(folder: string, { line = 12, column = 7, name = 'Error' } = {}): Error {
  const error = new Error('the provider is down')
  error.name = name
  error.stack = [
    `${name}: the provider is down`,
    '    at request (node:internal/http:100:3)',
    `    at call (file://${folder}/node_modules/provider/index.js:3:9)`,
    `    at handle (file://${folder}/src/payment.ts:${line}:${column})`,
    '    at async run (file:///somewhere/else.ts:1:1)',
  ].join('\n')
  return error
}
function fingerprintIn(folder: string, error: Error): string {
  const cwd = vi.spyOn(process, 'cwd').mockReturnValue(folder)
  try {
    return fingerprintOf(error)
  } finally {
    cwd.mockRestore()
  }
}

describe('the fingerprint of a failure', () => {
  const before = fingerprintIn('/srv/release-1', failure('/srv/release-1'))

  it('is the same in another folder of the same program, and where only the column has moved', () => {
    expect(fingerprintIn('/srv/release-2', failure('/srv/release-2'))).toBe(before)
    expect(fingerprintIn('/srv/release-1', failure('/srv/release-1', { column: 31 }))).toBe(before)
  })

  it("is another one for another class, and for another line of the user's code", () => {
    expect(fingerprintIn('/srv/release-1', failure('/srv/release-1', { name: 'TypeError' }))).not.toBe(before)
    expect(fingerprintIn('/srv/release-1', failure('/srv/release-1', { line: 13 }))).not.toBe(before)
  })

  it('is short hexadecimal text, also of an error without a stack', () => {
    const bare = new Error('none')
    delete bare.stack
    expect(fingerprintOf(bare)).toMatch(/^[0-9a-f]{12}$/)
  })
})
