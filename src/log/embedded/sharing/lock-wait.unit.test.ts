import { describe, expect, it } from 'vitest'
import { LogBusyError, LogFullError } from '../errors.ts'
import { LockWait, whenFree } from './lock-wait.ts'

function start(others: readonly number[]) {
  const said: string[] = []
  const ignore = () => {}
  const note = (message: string) => void said.push(message)
  const time = { nowMs: 0 }
  const wait = new LockWait({
    path: '/nowhere/log.db',
    logger: { debug: ignore, info: note, warn: note, error: note },
    nowMs: () => time.nowMs,
    others: () => others,
  })
  return { wait, said, time }
}

describe('LockWait', () => {
  it('reports a lock that was refused for five seconds, once, and that it is free again', () => {
    const { wait, said, time } = start([4711])
    wait.blocked()
    time.nowMs = 4_999
    wait.blocked()
    expect(said).toEqual([])
    expect(wait.finding).toBeUndefined()
    time.nowMs = 5_000
    wait.blocked()
    time.nowMs = 8_000
    wait.blocked()
    expect(said).toHaveLength(1)
    expect(said[0]).toContain('process 4711')
    expect(said[0]).toMatch(/kill -CONT .*kill -KILL/)
    expect(wait.finding).toMatchObject({ subject: 'write lock', verdict: 'bad', value: expect.stringContaining('8 s') })
    wait.free()
    expect(said[1]).toContain('can be written again')
    expect(wait.finding).toBeUndefined()
  })

  it('begins to count anew when the lock was given in between', () => {
    const { wait, said, time } = start([])
    wait.blocked()
    time.nowMs = 4_000
    wait.free()
    wait.blocked()
    time.nowMs = 8_000
    wait.blocked()
    expect(said).toEqual([])
    time.nowMs = 9_000
    wait.blocked()
    expect(said[0]).toContain('another program')
  })
})

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
