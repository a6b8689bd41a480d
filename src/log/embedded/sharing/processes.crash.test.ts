import { once } from 'node:events'
import { describe, expect, it } from 'vitest'
import { until } from '../../conformance/until.ts'
import { MemberChild, SharedLog, sharedOut } from './processes.test-support.ts'

const timeout = 60_000

/** Publishes until the returned function is called. */
function keepPublishing(log: SharedLog): () => Promise<void> {
  let goesOn = true
  const publishing = (async () => {
    while (goesOn) if (!(await log.publishWhenDue())) await new Promise((resolve) => setImmediate(resolve))
  })()
  // When the test has failed, the log is closed under it.
  publishing.catch(() => {})
  return () => {
    goesOn = false
    return publishing
  }
}

describe('three processes with members of one group', () => {
  it('share the partitions, and give those of one that is killed to the others at once', { timeout }, async () => {
    const log = await new SharedLog().open()
    const children = [1, 2, 3].map(() => new MemberChild(log.path))
    await sharedOut(children)
    const stop = keepPublishing(log)
    await log.someDone()
    const killedAtMs = performance.now()
    children[0]!.process.kill('SIGKILL')
    await sharedOut(children.slice(1))
    // The session timeout is ten seconds: nobody waited for it.
    expect(performance.now() - killedAtMs).toBeLessThan(5_000)
    await stop()
    await log.expectEachDoneOnce()
  })

  it('take over from one that is stopped outside of a transaction, and it commits nothing more', {
    timeout,
  }, async () => {
    const log = await new SharedLog().open({ sessionTimeoutMs: 1_500 })
    const children = [1, 2, 3].map(() => new MemberChild(log.path, { sessionTimeoutMs: 1_500 }))
    await sharedOut(children)
    const [stopped, ...others] = children
    // Nothing is published: it waits for records, in no transaction but perhaps that of its heartbeat.
    stopped!.process.kill('SIGSTOP')
    await sharedOut(others)
    const stop = keepPublishing(log)
    await log.someDone()
    stopped!.process.kill('SIGCONT')
    await until('it to be told', () => stopped!.events.includes('lost'))
    // It lives, and gets a share again.
    await sharedOut(children)
    await stop()
    await log.expectEachDoneOnce()
  })

  it('wait for one that is stopped inside a transaction, name it, and lose and double nothing', {
    timeout,
  }, async () => {
    const warnings: string[] = []
    const ignore = () => {}
    const logger = {
      debug: ignore,
      info: ignore,
      error: ignore,
      warn: (message: string) => void warnings.push(message),
    }
    const log = await new SharedLog().open({ logger })
    const children = [1, 2].map(() => new MemberChild(log.path))
    await sharedOut(children)
    const stop = keepPublishing(log)
    children[0]!.process.send('stop')
    await until('the report', () => warnings.some((warning) => warning.includes('cannot be written')))
    expect(warnings.join()).toContain('kill -CONT')
    if (process.platform === 'linux') expect(warnings.join()).toContain(`process ${children[0]!.process.pid}`)
    expect(await log.log.diagnose()).toContainEqual(expect.objectContaining({ subject: 'write lock', verdict: 'bad' }))
    children[0]!.process.kill('SIGCONT')
    await stop()
    await log.expectEachDoneOnce()
    expect(await log.log.diagnose()).not.toContainEqual(expect.objectContaining({ subject: 'write lock' }))
  })
})

describe('a process that is killed at any of its commits while it joins and works', () => {
  it.each(['before', 'after'] as const)(
    'leaves every partition to the other: %s the commit',
    { timeout },
    async (when) => {
      const log = await new SharedLog().open()
      const survivor = new MemberChild(log.path)
      await sharedOut([survivor])
      // The entry, the join, the take, then units of work.
      for (let number = 1; number <= 5; number++) {
        const child = new MemberChild(log.path, { dieAtCommit: { number, when } })
        const ended = once(child.process, 'exit')
        const stop = keepPublishing(log)
        await ended
        expect(child.process.signalCode).toBe('SIGKILL')
        await stop()
        await sharedOut([survivor])
        await log.publish()
        await log.expectEachDoneOnce()
      }
    },
  )
})
