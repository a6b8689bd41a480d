import { describe, expect, it } from 'vitest'
import * as z from 'zod'
import { faultPathsOf } from '../core/option-faults.test-support.ts'
import { database } from '../sql/index.ts'
import { command } from './command.ts'

/** Options as somebody without a compiler may give them. */
const faultsOf = (name: unknown, options: unknown) =>
  faultPathsOf(() => command(name as string, options as Parameters<typeof command>[1]))

describe('a command', () => {
  it('reports all the faults of its options at once', () => {
    expect(faultsOf('a b', { database: {}, input: {}, handle: 1 })).toEqual(['name', 'database', 'input', 'handle'])
    expect(faultsOf('a', { schema: {} })).toEqual(['schema', 'database', 'input', 'handle'])
    expect(faultsOf('a', undefined)).toEqual(['database', 'input', 'handle'])
  })

  it('says where it commits', () => {
    const pay = command('pay', { database: database('shop'), input: z.object({}), handle: () => 1 })
    expect(pay.describe()).toBe("command 'pay' on database 'shop'")
  })
})
