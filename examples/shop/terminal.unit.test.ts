import { describe, expect, test } from 'vitest'
import { explain, listenError, readAddress, readPoison, UsageError } from './terminal.ts'

describe('the address', () => {
  test.each([
    [{}, { port: 3000, host: '127.0.0.1' }],
    [
      { PORT: '', HOST: '' },
      { port: 3000, host: '127.0.0.1' },
    ],
    [
      { PORT: '0', HOST: '::1' },
      { port: 0, host: '::1' },
    ],
    [{ PORT: '65535' }, { port: 65_535, host: '127.0.0.1' }],
  ])('of %j is %j', (environment, address) => {
    expect(readAddress(environment)).toEqual(address)
  })

  test.each(['abc', '-1', '65536', '1.5', '0x10', '1e3', ' 80', '999999'])(
    'refuses PORT=%s with what it may be',
    (PORT) => {
      expect(() => readAddress({ PORT })).toThrow(`PORT is '${PORT}': give a whole number from 0 to 65535`)
    },
  )
})

test('the poison is on unless SHOP_POISON is off', () => {
  for (const SHOP_POISON of [undefined, '', 'on']) expect(readPoison({ SHOP_POISON })).toBe(true)
  expect(readPoison({ SHOP_POISON: 'off' })).toBe(false)
  expect(() => readPoison({ SHOP_POISON: 'no' })).toThrow("SHOP_POISON is 'no': give on or off.")
})

describe('an error', () => {
  const failure = (code: string) => Object.assign(new Error('no'), { code })
  test.each([
    ['EADDRINUSE', 'Port 3000 of ::1 is in use: stop the program that has it, or choose another with PORT.'],
    ['EACCES', 'Port 3000 of ::1 may not be used by this process: choose one from 1024 with PORT.'],
    ['EADDRNOTAVAIL', '::1 is not an address of this machine: choose another with HOST.'],
    ['ENOTFOUND', '::1 is not a name that this machine knows: choose another with HOST.'],
  ])('%s of listening says what to do', (code, message) => {
    expect(listenError(failure(code), { port: 3000, host: '::1' })).toEqual(new UsageError(message))
  })

  test('that is a bug is not explained away', () => {
    const bug = new TypeError('x is not a function')
    expect(() => explain(bug)).toThrow(bug)
    expect(listenError(bug, { port: 1, host: 'h' })).toBe(bug)
  })
})
