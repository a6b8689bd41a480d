import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { describe, expect, it, onTestFinished } from 'vitest'
import { staged } from '../../conformance/harness.ts'
import { ensureTopic, freshPath, readValues, refusal } from '../engine.test-support.ts'
import { LogInUseError, openEmbeddedLog } from '../index.ts'

const childFile = fileURLToPath(new URL('holding-child.test-support.ts', import.meta.url))

/** A SQLite that spoils a file which two processes write: who has it needs the log alone. */
const sqliteVersion = '3.51.2'

/** A process that opens the log, and what it says of it. */
async function startChild(
  path: string,
  version = sqliteVersion,
): Promise<{ readonly child: ChildProcess; readonly said: string }> {
  const child = spawn(process.execPath, [childFile, path, version], { stdio: ['pipe', 'pipe', 'inherit'] })
  onTestFinished(() => void child.kill('SIGKILL'))
  const [said] = (await once(createInterface(child.stdout), 'line')) as [string]
  return { child, said }
}

describe('a log that another process has alone', () => {
  it('is refused with the number of that process, and opens at once when it was killed', async () => {
    const path = freshPath()
    const { child, said } = await startChild(path)
    expect(said).toBe('open')
    const error = await refusal(openEmbeddedLog({ path, sqliteVersion }))
    expect(error).toBeInstanceOf(LogInUseError)
    expect(error).toMatchObject({ ownerProcessId: child.pid, retryable: true })
    expect(error.message).toContain(`${path} is open in process ${child.pid}`)

    const closed = once(child, 'close')
    child.kill('SIGKILL')
    await closed
    // The dead one's name is still there.
    expect(existsSync(`${path}.pid`)).toBe(true)
    await using log = await openEmbeddedLog({ path, sqliteVersion })
    const [partition] = await ensureTopic(log, 'orders')
    await log.commit({ batches: [staged(partition!, 'a')] })
    expect(await readValues(log, partition!)).toEqual(['a'])
  })

  it('is refused as often as it is tried, without taking the lock from its owner', async () => {
    const path = freshPath()
    await startChild(path)
    for (let time = 0; time < 3; time++) {
      expect(await refusal(openEmbeddedLog({ path, sqliteVersion }))).toBeInstanceOf(LogInUseError)
    }
  })
})

describe('a log that this process has alone', () => {
  it('is refused to another process, also after this one tried to open it twice', async () => {
    const path = freshPath()
    await using _ = await openEmbeddedLog({ path, sqliteVersion })
    await refusal(openEmbeddedLog({ path, sqliteVersion }))
    const { said } = await startChild(path)
    expect(said).toContain('LogInUseError')
    expect(said).toContain(`process ${process.pid}`)
  })

  it('is refused to itself, by whatever name, and opens again once it is closed', async () => {
    const path = freshPath()
    const link = join(dirname(path), 'link.db')
    const log = await openEmbeddedLog({ path, sqliteVersion })
    symlinkSync(path, link)
    for (const name of [path, link, join(dirname(path), '.', 'x', '..', 'log.db')]) {
      const error = await refusal(openEmbeddedLog({ path: name, sqliteVersion }))
      expect(error).toBeInstanceOf(LogInUseError)
      expect(error.message).toContain(`this process (${process.pid})`)
    }
    await log.close()
    const again = await openEmbeddedLog({ path: link, sqliteVersion })
    await again.close()
  })

  it('is given to one of many who open it at once', async () => {
    const path = freshPath()
    const outcomes = await Promise.allSettled(Array.from({ length: 5 }, () => openEmbeddedLog({ path, sqliteVersion })))
    const opened = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []))
    expect(opened).toHaveLength(1)
    const refused = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason] : []))
    for (const reason of refused) expect(reason).toBeInstanceOf(LogInUseError)
    await opened[0]!.close()
  })
})

describe('a log that processes share', () => {
  it('is refused to one with a SQLite that would spoil it', async () => {
    const path = freshPath()
    await using _ = await openEmbeddedLog({ path })
    const { said } = await startChild(path)
    expect(said).toContain('LogInUseError')
    expect(said).toContain('SQLite 3.51.3 or later')
    expect((await startChild(path, '3.51.3')).said).toBe('open')
  })

  it('is refused to all while one with such a SQLite has it', async () => {
    const path = freshPath()
    const { child } = await startChild(path)
    const error = await refusal(openEmbeddedLog({ path }))
    expect(error).toBeInstanceOf(LogInUseError)
    expect(error).toMatchObject({ ownerProcessId: child.pid })
  })
})

describe('the name of the owner', () => {
  it('is left out of the message where it cannot be read', async () => {
    const path = freshPath()
    await using _ = await openEmbeddedLog({ path, sqliteVersion })
    writeFileSync(`${path}.pid`, 'nobody')
    const error = await refusal(openEmbeddedLog({ path, sqliteVersion }))
    expect(error).toBeInstanceOf(LogInUseError)
    expect(error).toMatchObject({ ownerProcessId: undefined })
    expect(error.message).toContain('another process')
  })

  it('need not be writable for the log to open', async () => {
    const path = freshPath()
    mkdirSync(`${path}.pid`)
    const log = await openEmbeddedLog({ path, sqliteVersion })
    await log.close()
  })
})
