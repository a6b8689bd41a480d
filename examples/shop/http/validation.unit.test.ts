import { expect, test } from 'vitest'
import * as z from 'zod'
import { NewTask } from '../tasks/new-task.ts'
import { Problem } from './problem.ts'
import { check } from './validation.ts'

function errorsOf(schema: z.ZodType, value: unknown): unknown {
  try {
    return check(schema, value)
  } catch (error) {
    expect(error).toBeInstanceOf(Problem)
    return (error as Problem).body
  }
}

test('a field that is not there is missing, one that does not fit says why, and one that nobody knows is unknown', () => {
  const schema = z.strictObject({ id: z.string(), items: z.array(z.strictObject({ n: z.number(), m: z.number() })) })
  expect(errorsOf(schema, { items: [{ n: 'x' }], more: 1 })).toMatchObject({
    errors: [
      { path: 'id', message: 'is missing' },
      { path: 'items.0.n', message: expect.stringContaining('expected number') },
      { path: 'items.0.m', message: 'is missing' },
      { path: 'more', message: 'unknown field' },
    ],
  })
  expect(errorsOf(NewTask, {})).toMatchObject({ errors: [{ path: 'task', message: 'is missing' }] })
  expect(errorsOf(schema, null)).toMatchObject({ errors: [{ path: '', message: expect.stringContaining('object') }] })
})
