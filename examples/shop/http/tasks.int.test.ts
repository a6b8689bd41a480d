import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { testApp } from 'millrace/testing'
import { describe, expect, it } from 'vitest'
import { openShop, order, temporaryFolder } from '../shop.test-support.ts'
import { addTaskService } from '../tasks/service.ts'

const done = { state: 'done', attempt: 1 }

describe('tasks', () => {
  it.each([
    { task: 'send-email', userId: 'user-1' },
    { task: 'send-email', userId: 'user-1', orderId: 'o-1' },
    { task: 'process-image', imageId: 'image-1' },
  ])('such as %j are accepted, then done', async (body) => {
    const opened = Promise.withResolvers<void>()
    await using shop = await openShop({ middleware: (_, next) => opened.promise.then(next) })
    const answer = await shop.call('POST /tasks', { body })
    const id = answer.body.id as string
    expect(answer).toMatchObject({ status: 202, headers: { location: `/tasks/${id}` } })
    const queued = { id, task: body.task, state: 'queued', attempt: 0 }
    expect(await shop.call(`GET /tasks/${id}`)).toMatchObject({ status: 200, text: JSON.stringify(queued) })
    opened.resolve()
    await shop.app.settled()
    expect((await shop.call(`GET /tasks/${id}`)).body).toEqual({ ...queued, state: 'done', attempt: 1 })
  })

  it.each([
    [{}, ['task']],
    [{ task: 'clean-up' }, ['task']],
    [{ task: 'send-email' }, ['userId']],
    [{ task: 'send-email', userId: 7, orderId: 'a b', copy: true }, ['copy', 'orderId', 'userId']],
    [{ task: 'process-image', userId: 'u' }, ['imageId', 'userId']],
    [null, ['']],
  ])('such as %j are refused', async (body, paths) => {
    await using shop = await openShop()
    const answer = await shop.call('POST /tasks', { body })
    expect(answer.status).toBe(400)
    expect((answer.body.errors as { path: string }[]).map(({ path }) => path).toSorted()).toEqual(paths)
  })

  it('that nobody sent are not known', async () => {
    await using shop = await openShop()
    expect(await shop.call('GET /tasks/nobody')).toMatchObject({ status: 404, body: { errors: [{ path: 'id' }] } })
  })

  it('that fail are tried again, and show why', async () => {
    using folder = temporaryFolder()
    // A path under a file: nothing can be written there.
    await using shop = await openShop({ sentMailPath: join('/dev/null', folder.path) })
    const { body } = await shop.call('POST /tasks', { body: { task: 'send-email', userId: 'user-1' } })
    await shop.app.advance(0)
    const read = async () => (await shop.call(`GET /tasks/${body.id}`)).body
    expect(await read()).toMatchObject({ state: 'retrying', attempt: 1, error: expect.stringContaining('ENOTDIR') })
    expect(await shop.call('GET /readyz')).toMatchObject({ status: 200 })
    await shop.app.advance('1s')
    expect(await read()).toMatchObject({ state: 'retrying', attempt: 2 })
    await shop.app.advance('1m')
    expect(await read()).toMatchObject({ state: 'failed', attempt: 5, error: expect.stringContaining('ENOTDIR') })
    expect((await shop.call('GET /dead-letters')).body).toMatchObject({
      deadLetters: [{ group: 'task-workers', attempts: 5, error: expect.stringContaining('ENOTDIR') }],
    })
    for (const path of ['/livez', '/readyz', '/healthz']) {
      expect(await shop.call(`GET ${path}`)).toMatchObject({ status: 200 })
    }
  })

  it.each(['10m', 600_000, '600s', '0.16666666666666666h'])(
    'with the delay %j wait until it is over',
    async (delay) => {
      await using shop = await openShop()
      const { body } = await shop.call('POST /tasks', { body: { task: 'process-image', imageId: 'i', delay } })
      const read = async () => (await shop.call(`GET /tasks/${body.id}`)).body
      await shop.app.advance(599_999)
      expect(await read()).toMatchObject({ state: 'queued', attempt: 0 })
      await shop.app.advance(1)
      expect(await read()).toMatchObject({ state: 'done', attempt: 1 })
    },
  )

  it.each([0, 0.4, '0ms'])('with the delay %j are done at once', async (delay) => {
    await using shop = await openShop()
    const { body } = await shop.call('POST /tasks', { body: { task: 'process-image', imageId: 'i', delay } })
    await shop.app.settled()
    await shop.app.advance(1)
    expect((await shop.call(`GET /tasks/${body.id}`)).body).toMatchObject({ state: 'done' })
  })

  it.each([-1, '', '10', '10 m', '-1s', '1e3s', '1w', null, true, {}, [5], '36501d', 3_153_600_000_001, 1e308])(
    'with the delay %j are refused, with every other fault',
    async (delay) => {
      await using shop = await openShop()
      const answer = await shop.call('POST /tasks', { body: { task: 'send-email', id: 'a b', delay, at: 'noon' } })
      expect(answer.status).toBe(400)
      const paths = (answer.body.errors as { path: string }[]).map(({ path }) => path)
      expect(paths.toSorted()).toEqual(['at', 'delay', 'id', 'userId'])
    },
  )

  it('with an id are done once, however often they are handed in', async () => {
    using folder = temporaryFolder()
    const sentMailPath = join(folder.path, 'sent-mail.jsonl')
    await using shop = await openShop({ sentMailPath })
    const body = { task: 'send-email', userId: 'user-1', id: 'mail-1', delay: '10s' }
    const hand = () => shop.call('POST /tasks', { body })
    for (const answer of await Promise.all([hand(), hand()])) {
      expect(answer).toMatchObject({ status: 202, body: { id: 'mail-1' }, headers: { location: '/tasks/mail-1' } })
    }
    await shop.app.advance('10s')
    expect(await hand()).toMatchObject({ status: 202, body: { id: 'mail-1' } })
    await shop.app.advance('10s')
    expect((await shop.call('GET /tasks/mail-1')).body).toEqual({ ...done, id: 'mail-1', task: 'send-email' })
    expect(readFileSync(sentMailPath, 'utf8')).toBe('{"userId":"user-1","taskId":"mail-1"}\n')
  })

  it('are seen running while they run, and again after a failure', async () => {
    const attempts: PromiseWithResolvers<void>[] = []
    const started = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    const mail = {
      send: () => {
        const attempt = Promise.withResolvers<void>()
        started[attempts.push(attempt) - 1]!.resolve()
        return attempt.promise
      },
    }
    await using app = testApp()
    const tasks = addTaskService(app, mail)
    await app.start()
    const { id } = await tasks.submit({ task: 'send-email', userId: 'u' })
    await started[0]!.promise
    expect(await tasks.find(id)).toMatchObject({ state: 'running', attempt: 1, error: null })
    attempts[0]!.reject(new Error('the provider is down'))
    await app.advance('2s')
    await started[1]!.promise
    expect(await tasks.find(id)).toMatchObject({ state: 'running', attempt: 2, error: null })
    attempts[1]!.resolve()
    await app.settled()
    expect(await tasks.find(id)).toMatchObject({ state: 'done', attempt: 2 })
  })
})

it('each order sends one e-mail', async () => {
  using folder = temporaryFolder()
  const sentMailPath = join(folder.path, 'sent-mail.jsonl')
  await using shop = await openShop({ sentMailPath })
  for (const orderId of ['o-1', 'o-2']) await shop.call('POST /orders', { body: { orderId, ...order } })
  await shop.app.settled()
  const mails = readFileSync(sentMailPath, 'utf8').trimEnd().split('\n')
  expect(mails.map((line) => JSON.parse(line).orderId).toSorted()).toEqual(['o-1', 'o-2'])
})
