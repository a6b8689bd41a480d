import { join } from 'node:path'
import { millrace } from 'millrace'
import { describe, expect, it, test, vi } from 'vitest'
import { createShop, sentMailPathOf } from './app.ts'
import { order, temporaryFolder } from './shop.test-support.ts'

const silent = { debug() {}, info() {}, warn() {}, error() {} }

test('the shop is settled only when the e-mails of its orders are sent', async () => {
  using folder = temporaryFolder()
  vi.stubEnv('DATABASE_URL', `file:${join(folder.path, 'app.db')}`)
  // The e-mail is a task in the outbox for a moment: many starts, because the moment is short.
  for (let start = 0; start < 10; start++) {
    await using app = millrace('shop', { url: `file:${join(folder.path, 'log.db')}`, logger: silent })
    const shop = createShop(app)
    await app.start()
    const orderId = `o-${start}`
    await shop.order.create({ orderId, ...order })
    await app.settled()
    const [notification] = await shop.notification.listNotifications([orderId])
    expect(await shop.tasks.find(notification!.taskId)).toMatchObject({ state: 'done' })
  }
  vi.unstubAllEnvs()
})

describe('the file of sent mail', () => {
  it.each([
    ['file:.millrace/app.db', '.millrace/sent-mail.jsonl'],
    ['file:app.db', 'sent-mail.jsonl'],
    ['file:/var/shop/app.db', '/var/shop/sent-mail.jsonl'],
    ['file:///var/my%20shop/app.db', '/var/my shop/sent-mail.jsonl'],
    ['memory:', undefined],
    ['postgres://db/shop', undefined],
  ])('of the database %s is %s', (databaseUrl, path) => {
    expect(sentMailPathOf(databaseUrl)).toBe(path)
  })
})
