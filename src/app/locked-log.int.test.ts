import { DatabaseSync } from 'node:sqlite'
import { topic } from 'millrace'
import { expect, it } from 'vitest'
import * as z from 'zod'
import { until } from '../log/conformance/until.ts'
import { LogFullError, LogVersionError } from '../log/embedded/errors.ts'
import { fileApp, freshFolder } from '../testing/crash-image.test-support.ts'
import { diagnoseUnopened } from './open-log.ts'
import { diagnoseLog } from './operator/operator.ts'

const numbers = topic('numbers', { schema: z.object({ n: z.number() }) })

it('another program that keeps the write lock is named by health, by the status and by the doctor, who cannot write either', {
  timeout: 30_000,
}, async () => {
  const folder = freshFolder()
  await using app = fileApp(folder)
  await app.start()
  await app.publish(numbers, { n: 1 })
  using program = new DatabaseSync(`${folder}/log.db`)
  program.exec('BEGIN IMMEDIATE')
  const published = app.publish(numbers, { n: 2 })
  const findings = diagnoseLog({ url: `file:${folder}/log.db` })
  await until('the report', () => app.health().status === 'down')
  const { reasons } = app.health()
  expect(reasons).toEqual([
    expect.stringMatching(/^the log's write lock is with .* nothing can be written\. .*kill -CONT/),
  ])
  expect((await app.status()).log?.error).toMatch(/^the log's write lock is with /)
  const expected = { subject: 'write lock', verdict: 'bad', value: expect.stringContaining('nothing can be written') }
  expect(await findings).toContainEqual(expect.objectContaining(expected))
  program.exec('ROLLBACK')
  await published
  expect(app.health()).toEqual({ status: 'up', reasons: [] })
  expect((await app.status()).log?.error).toBeNull()
})

it('a log that is full is looked over by the doctor all the same, and one that cannot be read is not', async () => {
  const folder = freshFolder()
  const url = `file:${folder}/log.db`
  await using app = fileApp(folder)
  await app.start()
  const full = new LogFullError(`${folder}/log.db`, new Error('database or disk is full'))
  const findings = await diagnoseUnopened(url, full)
  expect(findings).toContainEqual(expect.objectContaining({ subject: 'space on the disk' }))
  expect(findings).toContainEqual(expect.objectContaining({ subject: 'writing', verdict: 'bad', value: full.message }))
  const newer = new LogVersionError(`${folder}/log.db`, 9, 2)
  await expect(diagnoseUnopened(url, newer)).rejects.toBe(newer)
})
