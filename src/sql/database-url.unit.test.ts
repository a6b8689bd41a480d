import { describe, expect, test } from 'vitest'
import { parseDatabaseUrl } from './database-url.ts'

describe('a database URL', () => {
  test.each([
    ['memory:', { kind: 'memory' }],
    ['file:app.db', { kind: 'file', path: 'app.db' }],
    ['file:.millrace/a b?.db', { kind: 'file', path: '.millrace/a b?.db' }],
    ['file:/var/app.db', { kind: 'file', path: '/var/app.db' }],
    ['file:///var/a%20b.db', { kind: 'file', path: '/var/a b.db' }],
  ])('%s is understood', (url, place) => {
    expect(parseDatabaseUrl(url)).toEqual(place)
  })

  test.each([
    'postgres://app:secret@db.example/app',
    'mysql://x',
    'app.db',
    ':memory:',
    'memory:x',
    'file:',
    '',
    'file:a\0b',
    'file://host/app.db',
    undefined,
    7,
  ])('%s is refused with what works', (url) => {
    expect(() => parseDatabaseUrl(url)).toThrow(/file:.*memory:/)
    expect(() => parseDatabaseUrl(url)).toThrow(expect.objectContaining({ code: 'UNSUPPORTED_DATABASE_URL' }))
  })

  test('is shown without its password', () => {
    expect(() => parseDatabaseUrl('postgres://app:secret@db.example/app')).toThrow(/postgres:\/\/\*\*\*@db\.example/)
  })
})
