import { describe, expect, it } from 'vitest'
import { LogBusyError, LogFullError } from '../errors.ts'
import { whenFree } from './when-free.ts'

describe('whenFree', () => {
  const busy = new LogBusyError('/log.db', new Error('busy'))

  it('tries again while it is locked, and gives what came of it', async () => {
    let attempts = 0
    const attempt = () => {
      if (++attempts < 4) throw busy
      return attempts
    }
    expect(await whenFree(attempt, () => false)).toBe(4)
  })

  it('throws other errors at once, and that it is locked when it gives up', async () => {
    let attempts = 0
    const fail = (error: Error) => () => {
      attempts++
      throw error
    }
    const full = new LogFullError('/log.db', new Error('full'))
    await expect(whenFree(fail(full), () => false)).rejects.toBe(full)
    expect(attempts).toBe(1)
    await expect(whenFree(fail(busy), () => attempts >= 3)).rejects.toBe(busy)
    expect(attempts).toBe(3)
  })
})
