import { afterEach, describe, expect, it, vi } from 'vitest'
import { standardErrorLogger } from './logger.ts'

afterEach(() => vi.restoreAllMocks())

function linesOf(work: (logger: ReturnType<typeof standardErrorLogger>) => void): readonly string[] {
  const lines: string[] = []
  vi.spyOn(process.stderr, 'write').mockImplementation((line) => {
    lines.push(String(line))
    return true
  })
  work(standardErrorLogger())
  return lines
}

describe('the logger to standard error', () => {
  it('writes level, message and fields on a line, errors by name and message', () => {
    const lines = linesOf((logger) => {
      logger.debug('unseen')
      logger.info('started')
      logger.warn('slow', { ms: 5, error: new TypeError('bad') })
      logger.error('dead', {})
    })
    expect(lines).toEqual(['info  started\n', 'warn  slow {"ms":5,"error":"TypeError: bad"}\n', 'error dead\n'])
  })

  it('writes a warning or an error on one line, whatever it quotes; a table as it is', () => {
    const lines = linesOf((logger) => {
      logger.warn('down\nerror all is lost \u001b[2J')
      logger.error('dead\r\n')
      logger.info('started\n  a  b')
    })
    const expected = ['warn  down\\nerror all is lost \\u001b[2J\n', 'error dead\\r\\n\n', 'info  started\n  a  b\n']
    expect(lines).toEqual(expected)
  })

  it('writes what JSON cannot hold as well as it can, and does not throw', () => {
    const cycle: Record<string, unknown> = { n: 1n }
    cycle.self = cycle
    const lines = linesOf((logger) => logger.info('odd', cycle))
    expect(lines).toHaveLength(1)
    expect(lines[0]).toMatch(/^info {2}odd .*\n$/)
  })
})
