import { describe, expect, it } from 'vitest'
import { LockWait } from './lock-wait.ts'

function start(others: readonly number[]) {
  const said: string[] = []
  const ignore = () => {}
  const note = (message: string) => void said.push(message)
  const time = { nowMs: 0 }
  const wait = new LockWait({
    what: 'log',
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
    expect(wait.whereabouts).toBeUndefined()
    time.nowMs = 5_000
    wait.blocked()
    time.nowMs = 8_000
    wait.blocked()
    expect(said).toHaveLength(1)
    expect(said[0]).toContain('process 4711')
    expect(said[0]).toMatch(/kill -CONT .*kill -KILL/)
    expect(wait.whereabouts).toMatch(/^with .*process 4711.* for 8 s: nothing can be written$/)
    expect(wait.reason).toMatch(/^the log's write lock is with /)
    wait.free()
    expect(said[1]).toContain('can be written again')
    expect(wait.whereabouts).toBeUndefined()
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
