import { describe, expect, it } from 'vitest'
import { InvariantError, invariant, MillraceError, messageOf, toError } from './errors.ts'
import { describeFaults, FaultList, InvalidOptionsError } from './faults.ts'
import { isName } from './names.ts'

class TestError extends MillraceError {
  readonly code = 'TEST'
}

describe('errors', () => {
  it('have the name of their class, a code, and are not retryable unless they say so', () => {
    const cause = new Error('below')
    const error = new TestError('above', { cause })
    expect(error).toMatchObject({ name: 'TestError', code: 'TEST', retryable: false, message: 'above', cause })
    expect(String(error)).toBe('TestError: above')
    expect(error).toBeInstanceOf(Error)
  })

  it('are made of whatever was thrown', () => {
    const error = new Error('x')
    expect(toError(error)).toBe(error)
    expect(toError('text')).toMatchObject({ message: 'text', cause: 'text' })
    expect(toError(undefined).message).toBe('undefined')
    expect([messageOf(error), messageOf('text'), messageOf(5)]).toEqual(['x', 'text', '5'])
  })

  it('have a text also where what was thrown has none', () => {
    const mute = new (class extends Error {
      override get message(): string {
        throw new Error('unreadable')
      }
    })()
    for (const thrown of [mute, Object.create(null), Symbol('s')]) {
      expect(toError(thrown)).toMatchObject({ message: messageOf(thrown), cause: thrown })
      expect(messageOf(thrown)).toMatch(/./)
    }
  })

  it('of our own are asked to be reported', () => {
    expect(() => invariant(false, 'it broke')).toThrow(InvariantError)
    expect(() => invariant(false, 'it broke')).toThrow(/it broke.*report/)
    expect(() => invariant(true, 'it broke')).not.toThrow()
  })
})

describe('a list of faults', () => {
  it('throws them all together, each with its path', () => {
    const faults = new FaultList()
    faults.expect(false, 'a.0', 'is wrong')
    faults.expect(true, 'b', 'is right')
    expect(faults.attempt('c', () => 5)).toBe(5)
    const thrown = faults.attempt('d', () => {
      throw new Error('unreadable')
    })
    expect(thrown).toBeUndefined()
    faults.expect(false, '', 'as a whole')
    expect(() => faults.throwIfAny('It')).toThrow(InvalidOptionsError)
    expect(() => faults.throwIfAny('It')).toThrow('It: a.0: is wrong; d: unreadable; as a whole')
  })
  it('throws nothing when there is none', () => {
    expect(() => new FaultList().throwIfAny('It')).not.toThrow()
    expect(describeFaults([])).toBe('')
  })
})

describe('a name', () => {
  it('follows the rule of topics', () => {
    expect(['a', 'A.b_c-9', 'x'.repeat(249)].every(isName)).toBe(true)
    expect(['', '.', '..', 'a b', 'a\n', 'x'.repeat(250), 'ü', null, 5].some(isName)).toBe(false)
  })
})
