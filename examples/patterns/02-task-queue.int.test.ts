import { testApp } from 'millrace/testing'
import { afterEach, expect, it, vi } from 'vitest'
import { tasks, workers } from './02-task-queue.ts'

afterEach(() => vi.unstubAllGlobals())

/** The mail provider: gives these answers, the last one for ever. */
function mailProvider(...statuses: number[]) {
  const mails: { readonly userId: string; readonly id: string }[] = []
  const fetch = async (_url: string, { body, headers }: { body: string; headers: Record<string, string> }) => {
    mails.push({ userId: body, id: headers['Idempotency-Key']! })
    return new Response(null, { status: statuses.length > 1 ? statuses.shift()! : statuses[0]! })
  }
  vi.stubGlobal('fetch', fetch)
  return mails
}

it('sends the e-mail when its delay is over, not a millisecond before', async () => {
  const mails = mailProvider(200)
  await using app = testApp()
  app.add(workers)
  await app.start()
  const { id } = await app.send(tasks, { task: 'send-email', userId: '123' }, { delay: '10m' })
  await app.advance(599_999)
  expect(mails).toEqual([])
  await app.advance(1)
  expect(mails).toEqual([{ userId: '123', id }])
})

it('tries again where the provider is down, with the same key', async () => {
  const mails = mailProvider(503, 503, 200)
  await using app = testApp()
  app.add(workers)
  await app.start()
  const { id } = await app.send(tasks, { task: 'send-email', userId: '123' })
  await app.advance('1m')
  expect(mails).toEqual(Array(3).fill({ userId: '123', id }))
})

it('gives up at once what the provider refuses', async () => {
  const mails = mailProvider(422)
  await using app = testApp()
  app.add(workers)
  await app.start()
  const { id } = await app.send(tasks, { task: 'send-email', userId: '123' })
  await app.advance('1h')
  expect(mails).toHaveLength(1)
  expect(await app.deadLetters.list()).toMatchObject([{ recordId: id, attempts: 1, message: 'address refused' }])
})
