import { describe, expect, it } from 'vitest'
import { UnsupportedLogUrlError } from './errors.ts'
import { checkLogUrl } from './open-log.ts'

describe("a log's URL", () => {
  it.each([
    'memory:',
    'file:log.db',
    'file:.millrace/log.db',
    'file:/var/lib/log.db',
    'file:///var/lib/log.db',
    'FILE:log.db',
    'file:log.db?sessionTimeout=30s',
    'file:///var/lib/log.db?sessionTimeout=500',
  ])('may be %s', (url) => {
    expect(() => checkLogUrl(url)).not.toThrow()
  })

  it.each([
    ['', 'it has no scheme'],
    ['log.db', 'it has no scheme'],
    ['/var/lib/log.db', 'it has no scheme'],
    ['kafka://localhost:9092', "there is no engine for 'kafka:'"],
    ['redis://x', "there is no engine for 'redis:'"],
    ['file:', 'it names no file'],
    ['file:///', 'it names no file'],
    ['file:logs/', 'it names no file'],
    ['file:///%', 'malformed'],
    ['file:log.db?sessionTimeout=soon', "its sessionTimeout 'soon' is no duration"],
    ['file:log.db?sessionTimeout=100ms', '500ms or more'],
    ['file:log.db?timeout=5s', "it has no option 'timeout'"],
  ])('is not %j: the error says why and what to give', (url, why) => {
    expect(() => checkLogUrl(url)).toThrow(UnsupportedLogUrlError)
    expect(() => checkLogUrl(url)).toThrow(why)
    expect(() => checkLogUrl(url)).toThrow(/Give file:path or memory:/)
  })
})
