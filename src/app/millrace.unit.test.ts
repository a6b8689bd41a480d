import { afterEach, describe, expect, it, vi } from 'vitest'
import { faultPathsOf } from '../core/option-faults.test-support.ts'
import { readSettings } from './millrace.ts'
import type { AppOptions } from './types.ts'

afterEach(() => vi.unstubAllEnvs())
const withoutUrls = () => {
  vi.stubEnv('MILLRACE_URL', '')
  vi.stubEnv('DATABASE_URL', '')
}

describe('the settings of an app', () => {
  it('are a file for the log, another for the database, and ten seconds to drain', () => {
    withoutUrls()
    expect(readSettings('shop', {})).toMatchObject({
      appName: 'shop',
      url: 'file:.millrace/log.db',
      databaseUrl: 'file:.millrace/app.db',
      drainTimeoutMs: 10_000,
    })
  })

  it('are read from the environment, where no option says otherwise', () => {
    vi.stubEnv('MILLRACE_URL', 'file:other.db')
    vi.stubEnv('DATABASE_URL', 'file:rows.db')
    expect(readSettings('shop', {})).toMatchObject({ url: 'file:other.db', databaseUrl: 'file:rows.db' })
    expect(readSettings('shop', { url: 'memory:' }).url).toBe('memory:')
  })

  it('take ids, a clock and a logger of the user', () => {
    const now = new Date(5)
    const { clock, newId } = readSettings('shop', { clock: { now: () => now }, id: () => 'x' })
    expect([clock.now(), clock.nowMs(), newId()]).toEqual([now, 5, 'x'])
  })

  it('are refused with all their faults at once', () => {
    withoutUrls()
    const wrong: unknown = { url: 'kafka://x', logger: { info() {} }, clock: {}, id: 5, drainTimeout: 'soon' }
    expect(faultPathsOf(() => readSettings('a b', wrong as AppOptions))).toEqual([
      'name',
      'url',
      'logger',
      'clock',
      'id',
      'drainTimeout',
    ])
  })

  it('are refused with a misspelt option, which would change nothing', () => {
    withoutUrls()
    const wrong: unknown = { drainTimout: '1s', log: console }
    expect(faultPathsOf(() => readSettings('shop', wrong as AppOptions))).toEqual(['drainTimout', 'log'])
  })

  it.each([[''], ['a b'], ['x'.repeat(201)], [5], [undefined]])("refuse %j from the user's source of ids", (id) => {
    withoutUrls()
    const { newId } = readSettings('shop', { id: () => id as string })
    expect(() => newId()).toThrow(expect.objectContaining({ code: 'INVALID_ID' }))
  })

  it('name the variable that has the fault', () => {
    vi.stubEnv('MILLRACE_URL', 'log.db')
    expect(faultPathsOf(() => readSettings('shop', {}))).toEqual(['MILLRACE_URL'])
  })
})
