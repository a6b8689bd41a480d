import { describe, expect, test } from 'vitest'
import { SqliteConnection } from './connection.ts'

function open() {
  return new SqliteConnection(':memory:', { readOnly: false })
}
function readBack(value: unknown): unknown {
  return open().execute('select ? as value', [value]).rows[0]?.value
}

describe('values that go to SQLite', () => {
  test.each([
    ['text with an accent, a NUL and an emoji', 'é\0🙂', 'é\0🙂'],
    ['empty text', '', ''],
    ['null', null, null],
    ['true', true, 1],
    ['false', false, 0],
    ['a whole number', 42, 42],
    ['a fraction', 0.1, 0.1],
    ['the largest safe integer', Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER],
    ['a bigint that fits a number', 7n, 7],
    ['a bigint beyond 2^53', 2n ** 60n + 1n, 2n ** 60n + 1n],
    ['the smallest of 64 bits', -(2n ** 63n), -(2n ** 63n)],
    ['a number beyond 2^53', 2 ** 60, 2 ** 60],
    ['infinity', Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY],
  ])('%s comes back', (_, value, expected) => {
    expect(readBack(value)).toEqual(expected)
  })

  test('bytes come back as a Uint8Array, of any view', () => {
    const bytes = new Uint8Array([9, 0, 1, 2, 9])
    expect(readBack(bytes)).toEqual(new Uint8Array([9, 0, 1, 2, 9]))
    expect(readBack(Buffer.from([1, 2]))).toEqual(new Uint8Array([1, 2]))
    expect(readBack(new DataView(bytes.buffer, 1, 3))).toEqual(new Uint8Array([0, 1, 2]))
    expect(readBack(new Uint8Array())).toEqual(new Uint8Array())
  })

  test('a whole number is an integer also where no column says so', () => {
    const row = open().execute(`select typeof(?) as type, 7 / ? as half, 'n' || ? as text`, [5, 2, 5]).rows[0]
    expect(row).toEqual({ type: 'integer', half: 3, text: 'n5' })
  })

  test.each([
    ['undefined', undefined, /Parameter 2 of "select \?, \?" is undefined: give a value, or null/],
    ['a date', new Date(0), /is a Date: give toISOString\(\)/],
    ['NaN', Number.NaN, /is NaN/],
    ['an object', {}, /is an object: give JSON\.stringify/],
    ['an array', [], /is an array: give JSON\.stringify/],
    ['an ArrayBuffer', new ArrayBuffer(1), /give new Uint8Array/],
    ['a bigint beyond 64 bits', 2n ** 63n, /beyond 64 bits/],
    ['a symbol', Symbol('s'), /is a symbol/],
  ])('%s is refused with its position and what to do', (_, value, expected) => {
    expect(() => open().execute('select ?, ?', [1, value])).toThrow(expected)
    expect(() => open().execute('select ?, ?', [1, value])).toThrow(
      expect.objectContaining({ code: 'INVALID_PARAMETER' }),
    )
  })
})
