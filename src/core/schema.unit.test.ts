import { describe, expect, it } from 'vitest'
import { AsynchronousSchemaError, isSchema, type Schema, type Validated, validate } from './schema.ts'

const answering = (answer: Validated<unknown> | Promise<Validated<unknown>>): Schema => ({
  '~standard': { version: 1, vendor: 'test', validate: () => answer },
})

describe('validate', () => {
  it('gives the output', () => {
    expect(validate(answering({ value: 1 }), '1', 'x')).toEqual({ value: 1 })
    expect(validate(answering({ value: undefined }), '1', 'x')).toEqual({ value: undefined })
  })

  it('gives every fault with its path, of plain keys and of path objects', () => {
    const issues = [
      { message: 'one', path: ['items', 0, { key: 'quantity' }] },
      { message: 'two', path: [{ key: 1 }, Symbol.for('s')] },
      { message: 'three', path: [] },
      { message: 'four' },
    ]
    expect(validate(answering({ issues }), 1, 'x').faults).toEqual([
      { path: 'items.0.quantity', message: 'one' },
      { path: '1.Symbol(s)', message: 'two' },
      { path: '', message: 'three' },
      { path: '', message: 'four' },
    ])
  })

  it('refuses a promise, and handles its rejection', async () => {
    const rejected = Promise.reject(new Error('late'))
    expect(() => validate(answering(rejected), 1, "topic 'x'")).toThrow(AsynchronousSchemaError)
    expect(() => validate(answering(Promise.resolve({ value: 1 })), 1, "topic 'x'")).toThrow("topic 'x'")
    await expect(rejected).rejects.toThrow('late')
  })
})

describe('a standard schema', () => {
  it('is told by its version and its function', () => {
    expect(isSchema(answering({ value: 1 }))).toBe(true)
    expect(isSchema(Object.assign(() => 1, answering({ value: 1 })))).toBe(true)
    for (const value of [undefined, null, 1, 'x', {}, { '~standard': null }, { '~standard': { version: 1 } }])
      expect(isSchema(value)).toBe(false)
  })
})
