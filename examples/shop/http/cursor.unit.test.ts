import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { readCursor, writeCursor } from './cursor.ts'

const place = { createdAtMs: 852_076_800_000, sequence: 17 }
const encode = (text: string) => Buffer.from(text).toString('base64url')

describe('a cursor', () => {
  it('gives the place again, to the user that it was made for', () => {
    const cursor = writeCursor('user-1', place)
    expect(readCursor('user-1', cursor)).toEqual(place)
    expect(readCursor('user-2', cursor)).toBeUndefined()
  })

  it.each([
    '',
    'abc',
    '!!!',
    encode('null'),
    encode('{}'),
    encode('["user-1"]'),
    encode('["user-1","1",2]'),
    encode('["user-1",1.5,2]'),
    encode('["user-1",1,2,3]'),
    encode(' ["user-1",1,2]'),
    `${writeCursor('user-1', place)}=`,
    writeCursor('user-1', place).slice(1),
  ])('is not %j', (text) => {
    expect(readCursor('user-1', text)).toBeUndefined()
  })

  it('is no text that somebody made up', () => {
    const made = fc.property(fc.string(), (text) => {
      expect(readCursor('user-1', text)).toBeUndefined()
    })
    fc.assert(made)
  })
})
